//! Queues and stacks.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use super::failure::Operation;
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapValue, Layout, bytes_of, bytes_of_mut, zeroed};
use crate::map_type::MapType;
use crate::open::{Loader, OpenOptions};
use crate::sys::{Errno, Update};
use crate::verification::Verification;

macro_rules! sequences {
    ($($(#[$doc:meta])* $name:ident $kernel:ident $first:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// Since Linux 4.20. The kernel keeps no BTF for maps of this type, so the
        /// object is needed to check it: [`OpenOptions::object`].
        pub struct $name<T> {
            open: OpenMap,
            types: PhantomData<fn(T) -> T>,
        }

        impl<T: BpfMapValue> TypedMap for $name<T> {
            const NAME: &'static str = stringify!($name);
            const MAP_TYPES: &'static [MapType] = &[MapType::$kernel];
            const KEY: Option<&'static Layout> = None;
            const VALUE: Option<&'static Layout> = Some(T::LAYOUT);
        }

        impl<T: BpfMapValue> FromOpen for $name<T> {
            fn from_open(open: OpenMap) -> Self {
                Self { open, types: PhantomData }
            }
        }

        /// Opening. See [`OpenOptions`] for what each needs.
        impl<T> $name<T> {
            /// Opens a map of a loaded program by its name.
            ///
            /// # Errors
            ///
            /// See [`OpenOptions::open`].
            pub fn open(loader: &impl Loader, name: &str) -> Result<Self, Error>
            where
                T: BpfMapValue,
            {
                OpenOptions::new().open(loader, name)
            }

            /// Opens a map that is pinned in a bpffs.
            ///
            /// # Errors
            ///
            /// See [`OpenOptions::from_pin`].
            pub fn from_pin(path: impl AsRef<Path>) -> Result<Self, Error>
            where
                T: BpfMapValue,
            {
                OpenOptions::new().from_pin(path)
            }

            /// Opens the map of that id.
            ///
            /// # Errors
            ///
            /// See [`OpenOptions::from_id`].
            pub fn from_id(id: u32) -> Result<Self, Error>
            where
                T: BpfMapValue,
            {
                OpenOptions::new().from_id(id)
            }

            /// Opens the map of a descriptor, of which it makes its own duplicate.
            ///
            /// # Errors
            ///
            /// See [`OpenOptions::from_fd`].
            pub fn from_fd(fd: impl AsFd) -> Result<Self, Error>
            where
                T: BpfMapValue,
            {
                OpenOptions::new().from_fd(fd)
            }

            /// What was verified when the map was opened.
            pub fn verification(&self) -> Verification {
                self.open.verification
            }
        }

        impl<T: BpfMapValue> $name<T> {
            /// Adds a value.
            ///
            /// # Errors
            ///
            /// [`Error::Full`] when there is no room for it; [`Error::Kernel`] when
            /// the kernel refuses it for another reason.
            pub fn push(&self, value: &T) -> Result<(), Error> {
                self.write(Operation::Push, Update::Any, value)
            }

            /// Adds a value; when there is no room for it, in the place of the
            /// oldest.
            ///
            /// # Errors
            ///
            /// [`Error::Kernel`] when the kernel refuses it.
            pub fn push_over_oldest(&self, value: &T) -> Result<(), Error> {
                self.write(Operation::PushOverOldest, Update::Existing, value)
            }

            #[doc = concat!("Removes and returns ", $first, "; `None` when there is none.")]
            ///
            /// # Errors
            ///
            /// [`Error::Kernel`] when the kernel refuses it.
            pub fn pop(&self) -> Result<Option<T>, Error> {
                let mut value = zeroed();
                let answer = self.open.map.lookup_and_delete(&[], bytes_of_mut(&mut value));
                self.found(Operation::Pop, answer).map(|found| found.then_some(value))
            }

            #[doc = concat!("Returns ", $first, ", which stays where it is; `None` when there is none.")]
            ///
            /// # Errors
            ///
            /// [`Error::Kernel`] when the kernel refuses it.
            pub fn peek(&self) -> Result<Option<T>, Error> {
                let mut value = zeroed();
                let answer = self.open.map.lookup(&[], bytes_of_mut(&mut value));
                self.found(Operation::Peek, answer).map(|found| found.then_some(value))
            }

            fn write(&self, operation: Operation, update: Update, value: &T) -> Result<(), Error> {
                let answer = self.open.map.update(&[], bytes_of(value), update);
                answer.map_err(|errno| self.open.failure(operation, errno))
            }

            /// Makes `ENOENT` an answer.
            fn found(
                &self,
                operation: Operation,
                answer: Result<(), Errno>,
            ) -> Result<bool, Error> {
                match answer {
                    Ok(()) => Ok(true),
                    Err(Errno(libc::ENOENT)) => Ok(false),
                    Err(errno) => Err(self.open.failure(operation, errno)),
                }
            }
        }

        impl<T> AsFd for $name<T> {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.open.map.fd().as_fd()
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Self { open, .. } = self;
                f.debug_tuple(stringify!($name)).field(&open.label).field(&open.verification).finish()
            }
        }
    )*};
}

sequences! {
    /// A queue, first in, first out: `BPF_MAP_TYPE_QUEUE`.
    Queue QUEUE "the oldest value";
    /// A stack, last in, first out: `BPF_MAP_TYPE_STACK`.
    Stack STACK "the newest value";
}
