//! Attribute macros that change a struct behind the back of a derive that
//! stands before them. They work on text, which is all that they need.

use proc_macro::TokenStream;

/// Makes the first `u8` of a struct a `bool`.
#[proc_macro_attribute]
pub fn first_field_is_bool(_: TokenStream, item: TokenStream) -> TokenStream {
    item.to_string().replacen("u8", "bool", 1).parse().expect("a struct")
}

/// Removes the first field of a struct.
#[proc_macro_attribute]
pub fn drop_first_field(_: TokenStream, item: TokenStream) -> TokenStream {
    let text = item.to_string();
    let (before, rest) = text.split_once('{').expect("fields");
    let (_, after) = rest.split_once(',').expect("a second field");
    format!("{before}{{{after}").parse().expect("a struct")
}
