//! What every typed map has: the ways in, and what is known of it.

/// For a typed map of one field, `open`. The bounds are on the functions, as the
/// compiler then names the type that is not a key or a value, and not the
/// function.
macro_rules! opening {
    ($name:ident<$($param:ident: $bound:path),+>) => {
        /// Opening. Each way compares every field of the types with the BTF that
        /// the kernel keeps for the map, and refuses a map that differs or cannot
        /// be compared; [`OpenOptions`](crate::OpenOptions) has more ways and says
        /// which error means what.
        impl<$($param),+> $name<$($param),+> {
            /// Opens a map of a loaded program by its name.
            ///
            /// # Errors
            ///
            /// See [`OpenOptions::open`](crate::OpenOptions::open).
            pub fn open(loader: &impl $crate::Loader, name: &str) -> Result<Self, $crate::Error>
            where
                $($param: $bound),+
            {
                $crate::OpenOptions::new().open(loader, name)
            }

            /// Opens a map that is pinned in a bpffs.
            ///
            /// # Errors
            ///
            /// See [`OpenOptions::from_pin`](crate::OpenOptions::from_pin).
            pub fn from_pin(path: impl AsRef<std::path::Path>) -> Result<Self, $crate::Error>
            where
                $($param: $bound),+
            {
                $crate::OpenOptions::new().from_pin(path)
            }

            /// Opens the map of that id.
            ///
            /// # Errors
            ///
            /// See [`OpenOptions::from_id`](crate::OpenOptions::from_id).
            pub fn from_id(id: u32) -> Result<Self, $crate::Error>
            where
                $($param: $bound),+
            {
                $crate::OpenOptions::new().from_id(id)
            }

            /// Opens the map of a descriptor, of which it makes its own duplicate.
            ///
            /// # Errors
            ///
            /// See [`OpenOptions::from_fd`](crate::OpenOptions::from_fd).
            pub fn from_fd(fd: impl std::os::fd::AsFd) -> Result<Self, $crate::Error>
            where
                $($param: $bound),+
            {
                $crate::OpenOptions::new().from_fd(fd)
            }

            /// What was verified when the map was opened.
            pub fn verification(&self) -> $crate::Verification {
                self.open.verification
            }

            /// Asks the kernel whether the descriptor is still that of the map.
            ///
            /// It stays open for as long as this value lives, unless somebody
            /// closes or replaces the descriptor by its number.
            ///
            /// # Errors
            ///
            /// [`Error::Closed`](crate::Error::Closed),
            /// [`Error::OtherMap`](crate::Error::OtherMap) when it is that of
            /// another map, or [`Error::NotAMap`](crate::Error::NotAMap) when it
            /// is that of something else. The map itself lives as long as the
            /// descriptor: the kernel frees none that is open.
            pub fn check_alive(&self) -> Result<(), $crate::Error> {
                self.open.check_alive()
            }
        }

        impl<$($param),+> $crate::maps::HasOpen for $name<$($param),+> {
            fn open_map(&self) -> &$crate::maps::OpenMap {
                &self.open
            }
        }

        impl<$($param),+> std::os::fd::AsFd for $name<$($param),+> {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                std::os::fd::AsFd::as_fd(self.open.map.fd())
            }
        }

        impl<$($param),+> std::fmt::Debug for $name<$($param),+> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let $crate::maps::OpenMap { label, verification, .. } = &self.open;
                f.debug_tuple(stringify!($name)).field(label).field(verification).finish()
            }
        }
    };
}
pub(super) use opening;
