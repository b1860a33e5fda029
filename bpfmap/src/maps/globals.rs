//! Global variables.

use std::marker::PhantomData;
use std::sync::Arc;

use super::failure::Operation;
use super::freezing::freezing;
use super::opening::opening;
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapValue, Layout, bytes_of, value_of};
use crate::map_type::MapType;
use crate::sys::Update;

/// The global variables of a program: a section of them (`.data`, `.bss`,
/// `.rodata`, `.data.hot`, ...) as one struct, or one variable by its name.
///
/// Loaders make an array of one entry of each section (since Linux 5.2). aya
/// hands the kernel no BTF of it, but that of the program says what is in it;
/// where that may not be read, the object does.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ebpf = aya::Ebpf::load(&[])?;
/// use bpfmap::{BpfMapValue, Globals, OpenOptions};
///
/// let packets: Globals<u64> = OpenOptions::new().variable("packets").open(&ebpf, ".bss")?;
/// println!("{}", packets.get()?);
///
/// // `__u64 packets; __u32 errors, last;` in C, and nothing else of that section.
/// #[derive(BpfMapValue, Clone, Copy)]
/// #[repr(C)]
/// struct Bss { packets: u64, errors: u32, last: u32 }
///
/// let all = Globals::<Bss>::open(&ebpf, ".bss")?;
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
/// the compiler placed them, which need not be the order of the source; a
/// variable that is added to the program makes it another struct. This shows
/// them:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bytes = std::fs::read("../tests/bpf/globals.bpf.o")?;
/// let object = bpfmap::Object::parse(&bytes)?;
/// let section = object.map(".bss").and_then(|map| map.value()).ok_or("no .bss")?;
/// for variable in section.members()? {
///     println!("{:>4}  {}: {}", variable.bits.start / 8, variable.name, variable.ty);
/// }
/// # Ok(())
/// # }
/// ```
///
/// A section ends with its last variable, so where the struct would have padding
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
freezing!(Globals<T>);

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
        Ok(value_of(&section[self.open.at..][..size_of::<T>()]))
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
        answer.map_err(|errno| self.open.failure(Operation::Set, errno))
    }
}
