//! Integers and arrays.

use super::check::Seal;
use super::{BpfLayout, BpfMapKey, Kind, Layout};

macro_rules! integers {
    ($($kind:ident: $($ty:ident)*;)*) => {$($(
        // SAFETY: an integer has no padding and takes any bytes.
        #[diagnostic::do_not_recommend]
        unsafe impl BpfLayout for $ty {
            const LAYOUT: &'static Layout =
                &Layout::new(stringify!($ty), size_of::<$ty>(), size_of::<$ty>(), Kind::$kind);
            const DERIVED_AND_NOT_WRITTEN_BY_HAND: Seal = Seal;
        }
        // SAFETY: as above; equal integers are equal bytes.
        #[diagnostic::do_not_recommend]
        unsafe impl BpfMapKey for $ty {}
    )*)*};
}

integers! {
    Unsigned: u8 u16 u32 u64;
    Signed: i8 i16 i32 i64;
}

// SAFETY: the elements of an array touch each other, so an array has no
// padding but what an element has, which is none.
#[diagnostic::do_not_recommend]
unsafe impl<T: BpfLayout, const N: usize> BpfLayout for [T; N] {
    const LAYOUT: &'static Layout = &Layout::new(
        "",
        size_of::<Self>(),
        T::LAYOUT.align(),
        Kind::Array { element: T::LAYOUT, len: N },
    );
    const DERIVED_AND_NOT_WRITTEN_BY_HAND: Seal = Seal;
}
// SAFETY: as above; two arrays are equal when their elements are.
#[diagnostic::do_not_recommend]
unsafe impl<T: BpfMapKey, const N: usize> BpfMapKey for [T; N] {}
