//! Values as bytes and back: what the promises of `BpfLayout` are for.

use super::BpfLayout;

/// A value of zero bytes, to fill up a struct literal:
/// `FlowKey { saddr, daddr, ..zeroed() }`.
///
/// ```
/// use bpfmap::{BpfMapKey, Pad, zeroed};
///
/// #[derive(BpfMapKey, Clone, Copy)]
/// #[repr(C)]
/// struct Key { addr: u32, proto: u8, pad: Pad<3> }
///
/// let key = Key { addr: 7, ..zeroed() };
/// assert_eq!((key.addr, key.proto), (7, 0));
/// ```
pub const fn zeroed<T: BpfLayout>() -> T {
    // SAFETY: `BpfLayout` promises that every pattern of bytes is a valid `T`.
    unsafe { core::mem::zeroed() }
}

/// The value whose bytes these are; `None` when they are not as many as a `T`
/// has.
///
/// For bytes that come another way than through a typed map: samples of a perf
/// buffer, a file, a socket.
///
/// ```
/// assert_eq!(bpfmap::from_bytes::<[u16; 2]>(&[1, 1, 2, 2]), Some([0x0101, 0x0202]));
/// assert_eq!(bpfmap::from_bytes::<u32>(&[1, 2, 3]), None);
/// ```
pub const fn from_bytes<T: BpfLayout>(bytes: &[u8]) -> Option<T> {
    if bytes.len() != size_of::<T>() {
        return None;
    }
    // SAFETY: as long as a `T` (just compared), read without regard to
    // alignment, and `BpfLayout` promises that any bytes are a valid `T`.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// The bytes of a value.
#[cfg(feature = "std")]
pub(crate) const fn bytes_of<T: BpfLayout>(value: &T) -> &[u8] {
    // SAFETY: `BpfLayout` promises that there is no padding, so all of the
    // bytes are initialised, and that they do not change while borrowed.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// The bytes of values that touch each other.
#[cfg(feature = "std")]
pub(crate) const fn bytes_of_slice<T: BpfLayout>(values: &[T]) -> &[u8] {
    // SAFETY: as above, for each; a slice has nothing between its elements.
    unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The bytes of a value, to be written to.
#[cfg(feature = "std")]
pub(crate) const fn bytes_of_mut<T: BpfLayout>(value: &mut T) -> &mut [u8] {
    // SAFETY: as above, and any bytes that are written are a valid `T`.
    unsafe { core::slice::from_raw_parts_mut(core::ptr::from_mut(value).cast(), size_of::<T>()) }
}

/// The value that `bytes` hold.
///
/// # Panics
///
/// When `bytes` is not as long as a `T`, which no caller lets happen.
#[cfg(feature = "std")]
pub(crate) const fn value_of<T: BpfLayout>(bytes: &[u8]) -> T {
    from_bytes(bytes).expect("as long as the type")
}
