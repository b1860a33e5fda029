//! Maps that nobody in user space writes to any more.

/// `freeze`, for typed maps whose user space can do without writing.
macro_rules! freezing {
    ($name:ident<$($param:ident),+>) => {
        /// Freezing.
        impl<$($param),+> $name<$($param),+> {
            /// Keeps user space from writing to the map from now on, and for
            /// good: this process and every other, through every descriptor.
            /// Reading goes on. Programs still write to it, but for a map that
            /// was made with `BPF_F_RDONLY_PROG`.
            ///
            /// Since Linux 5.2 (`BPF_MAP_FREEZE`).
            ///
            /// # Errors
            ///
            /// [`Error::Kernel`](crate::Error::Kernel):
            ///
            /// - `EBUSY` when it is mapped into memory for writing, or is being
            ///   written to at this moment;
            /// - `EPERM` (`EBUSY` before Linux 6.5) when it is frozen
            ///   already; `EPERM` also when it was opened read-only;
            /// - 524 when its values hold what belongs to the kernel, such as a
            ///   [`SpinLock`](crate::SpinLock).
            pub fn freeze(&self) -> Result<(), $crate::Error> {
                self.open.freeze()
            }
        }
    };
}
pub(super) use freezing;
