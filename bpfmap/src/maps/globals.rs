//! Global variables.

use std::marker::PhantomData;
use std::sync::Arc;

use super::failure::Operation;
use super::opening::opening;
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapValue, Layout, bytes_of, from_bytes};
use crate::map_type::MapType;
use crate::sys::Update;

/// The global variables of a program: a section of them (`.data`, `.bss`,
/// `.rodata`, `.data.hot`, ...) as one struct, or one variable by its name.
///
/// Loaders make an array of one entry of each section (since Linux 5.2). aya
/// hands the kernel no BTF of it, so the object is needed to check it:
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # const BYTES: &[u8] = &[];
/// use bpfmap::{BpfMapValue, Globals, Object, OpenOptions};
///
/// // `__u64 packets; __u32 errors, last;` in C.
/// #[derive(BpfMapValue, Clone, Copy)]
/// #[repr(C)]
/// struct Bss { packets: u64, errors: u32, last: u32 }
///
/// let ebpf = aya::Ebpf::load(BYTES)?;
/// let object = Object::parse(BYTES)?;
/// let options = OpenOptions::new().object(&object);
/// let all: Globals<Bss> = options.open(&ebpf, ".bss")?;
/// let packets: Globals<u64> = options.variable("packets").open(&ebpf, ".bss")?;
/// assert_eq!(all.get()?.packets, packets.get()?);
/// # Ok(())
/// # }
/// ```
///
/// Variables whose values are set before the program is loaded, as
/// `EbpfLoader::override_global` of aya does, are checked in the object:
/// [`Object::check_variable`](crate::Object::check_variable).
///
/// The struct of a section has a field for each variable, by rising offset, as
/// the linker placed them; [`Object::map`](crate::Object::map) shows where. A
/// section ends with its last variable, so where the struct would have padding
/// there it is a `#[repr(C, packed)]` one.
pub struct Globals<T> {
    open: OpenMap,
    types: PhantomData<fn() -> T>,
}

impl<T: BpfMapValue> TypedMap for Globals<T> {
    const NAME: &'static str = "Globals";
    const MAP_TYPES: &'static [MapType] = &[MapType::ARRAY];
    const KEY: Option<&'static Layout> = None;
    const VALUE: Option<&'static Layout> = Some(T::LAYOUT);
}

impl<T: BpfMapValue> FromOpen for Globals<T> {
    const IS_SECTION: bool = true;

    fn from_open(open: OpenMap) -> Self {
        Self { open, types: PhantomData }
    }
}

/// The only key of the array.
const KEY: [u8; 4] = [0; 4];

opening!(Globals<T: BpfMapValue>);

impl<T: BpfMapValue> Globals<T> {
    /// The values now. What a program changes meanwhile may be seen in part.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] when the kernel refuses it.
    pub fn get(&self) -> Result<T, Error> {
        let mut section = vec![0; self.open.map.value_len()];
        let answer = self.open.map.lookup(&KEY, &mut section);
        answer.map_err(|errno| self.open.failure(Operation::Get, errno))?;
        Ok(from_bytes(&section[self.open.at..][..size_of::<T>()]))
    }

    /// Writes the values, of all variables of the section.
    ///
    /// # Errors
    ///
    /// - [`Error::OneOfSeveral`] when `T` is one variable among others: the
    ///   kernel writes a section as a whole, over what a program has changed in
    ///   the others meanwhile;
    /// - [`Error::Kernel`] when the kernel refuses it, as for `.rodata`, which
    ///   loaders freeze.
    pub fn set(&self, values: &T) -> Result<(), Error> {
        if size_of::<T>() != self.open.map.value_len() {
            return Err(Error::OneOfSeveral { map: Arc::clone(&self.open.label) });
        }
        let answer = self.open.map.update(&KEY, bytes_of(values), Update::Any);
        answer.map_err(|errno| self.open.failure(Operation::Insert, errno))
    }
}
