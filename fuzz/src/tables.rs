//! Rust tables that are made at run time and freed after a comparison.

use std::cell::RefCell;
use std::sync::LazyLock;

use bpfmap::{Counterpart, Field, Kind, Layout};

/// Holds what the tables of one comparison point to.
///
/// The library asks for `&'static`, as tables are constants. Here they are
/// freed when the arena is: nothing may keep one, and AddressSanitizer would
/// see it.
#[derive(Debug, Default)]
pub struct Arena {
    layouts: RefCell<Vec<*mut Layout>>,
    fields: RefCell<Vec<*mut [Field]>>,
}

impl Arena {
    /// Runs `work` with an arena, and frees it.
    ///
    /// # Safety
    ///
    /// `work` must not leave anything behind that points to a table: neither
    /// an error nor a layout.
    pub unsafe fn with<T>(work: impl FnOnce(&Self) -> T) -> T {
        work(&Self::default())
    }

    /// Keeps a layout.
    pub fn layout(&self, layout: Layout) -> &'static Layout {
        let layout = Box::into_raw(Box::new(layout));
        self.layouts.borrow_mut().push(layout);
        // SAFETY: it is freed with the arena, and `with` was promised that
        // nobody reads it after that.
        unsafe { &*layout }
    }

    fn fields(&self, fields: Vec<Field>) -> &'static [Field] {
        let fields = Box::into_raw(fields.into_boxed_slice());
        self.fields.borrow_mut().push(fields);
        // SAFETY: as above.
        unsafe { &*fields }
    }

    /// An array.
    pub fn array(&self, element: &'static Layout, len: usize) -> &'static Layout {
        let size = element.size() * len;
        self.layout(Layout::new("", size, element.align(), Kind::Array { element, len }))
    }

    /// A pad.
    pub fn pad(&self, len: usize) -> &'static Layout {
        self.layout(Layout::new("", len, 1, Kind::Pad))
    }

    /// A struct, without a byte that no field covers.
    pub fn structure(&self, fields: &[FieldOf]) -> &'static Layout {
        let mut size = 0;
        let place = |field: &FieldOf| {
            let offset = size;
            size += field.layout.size();
            Field::new(field.name, field.c_name, offset, field.layout)
                .stands_for(field.word)
                .allow(field.allow_sign, field.allow_order)
        };
        let fields = self.fields(fields.iter().map(place).collect());
        self.layout(Layout::of_struct("Rust", size, 1, false, fields))
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        for layout in self.layouts.take() {
            // SAFETY: it was a box, and is freed once.
            drop(unsafe { Box::from_raw(layout) });
        }
        for fields in self.fields.take() {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(fields) });
        }
    }
}

/// A field before it has a place.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "as in `bpfmap::Field`")]
pub struct FieldOf {
    pub name: &'static str,
    pub c_name: &'static str,
    pub layout: &'static Layout,
    pub word: Counterpart,
    pub allow_sign: bool,
    pub allow_order: bool,
}

impl FieldOf {
    /// A field that says nothing.
    pub fn new(name: &'static str, layout: &'static Layout) -> Self {
        Self {
            name,
            c_name: name,
            layout,
            word: Counterpart::Member,
            allow_sign: false,
            allow_order: false,
        }
    }
}

/// How many names there are.
pub const NAMES: usize = 400;

/// A name for the member of that number; leaked once.
pub fn name(number: usize) -> &'static str {
    static ALL: LazyLock<Vec<&'static str>> =
        LazyLock::new(|| (0..NAMES).map(|number| &*format!("m{number}").leak()).collect());
    ALL[number]
}
