//! Fields of a value that belong to the kernel.

use super::check::Seal;
use super::{BpfLayout, Kind, Layout};

macro_rules! kernel_owned {
    ($($(#[$doc:meta])* $name:ident $c_name:literal [$word:ident; $len:literal];)*) => {
        /// The Rust type that stands for a struct of the kernel.
        #[cfg(feature = "std")]
        pub(crate) fn kernel_owned_type(c_name: &str) -> Option<&'static Layout> {
            match c_name {
                $($c_name => Some($name::LAYOUT),)*
                _ => None,
            }
        }
        $(
        $(#[$doc])*
        ///
        /// The kernel gives zeros for its bytes when the value is read and
        /// ignores them when it is written. It may be in a value and never in
        /// a key.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[repr(C)]
        pub struct $name([$word; $len]);

        // SAFETY: an array of integers, which touch each other.
        #[diagnostic::do_not_recommend]
        unsafe impl BpfLayout for $name {
            const LAYOUT: &'static Layout = &Layout::new(
                stringify!($name),
                size_of::<Self>(),
                size_of::<$word>(),
                Kind::KernelOwned { c_name: $c_name },
            );
            const DERIVED_AND_NOT_WRITTEN_BY_HAND: Seal = Seal;
        }
        )*
    };
}

kernel_owned! {
    /// `struct bpf_spin_lock`, since Linux 5.1.
    SpinLock "bpf_spin_lock" [u32; 1];
    /// `struct bpf_timer`, since Linux 5.15.
    Timer "bpf_timer" [u64; 2];
    /// `struct bpf_wq`, a work queue, since Linux 6.10.
    Workqueue "bpf_wq" [u64; 2];
    /// `struct bpf_list_head`, since Linux 6.2.
    ListHead "bpf_list_head" [u64; 2];
    /// `struct bpf_list_node`, since Linux 6.2.
    ListNode "bpf_list_node" [u64; 3];
    /// `struct bpf_rb_root`, since Linux 6.3.
    RbRoot "bpf_rb_root" [u64; 2];
    /// `struct bpf_rb_node`, since Linux 6.3.
    RbNode "bpf_rb_node" [u64; 4];
    /// `struct bpf_res_spin_lock`, since Linux 6.15.
    ResilientSpinLock "bpf_res_spin_lock" [u32; 1];
    /// A pointer that is tagged `__kptr`, `__kptr_untrusted` or `__percpu_kptr`,
    /// since Linux 5.19.
    Kptr "kptr" [u64; 1];
    /// `struct bpf_refcount`, since Linux 6.4.
    Refcount "bpf_refcount" [u32; 1];
}
