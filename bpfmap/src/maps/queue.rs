//! Queues and stacks.

use std::marker::PhantomData;

use super::failure::Operation;
use super::freezing::freezing;
use super::opening::opening;
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapValue, Layout};
use crate::map_type::MapType;
use crate::sys::Update;

macro_rules! sequences {
    ($($(#[$doc:meta])* $name:ident $kernel:ident $first:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// Since Linux 4.20. The kernel keeps no BTF for maps of this type, so the
        /// object is needed to check it:
        /// [`OpenOptions::object`](crate::OpenOptions::object).
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

        opening!($name<T: BpfMapValue>);
        freezing!($name<T>);

        impl<T: BpfMapValue> $name<T> {
            /// Adds a value.
            ///
            /// # Errors
            ///
            /// [`Error::Full`] when there is no room for it; [`Error::Kernel`] when
            /// the kernel refuses it for another reason.
            pub fn push(&self, value: &T) -> Result<(), Error> {
                self.open.update(Operation::Push, Update::Any, &[], value)
            }

            /// Adds a value; when there is no room for it, in the place of the
            /// oldest.
            ///
            /// # Errors
            ///
            /// [`Error::Kernel`] when the kernel refuses it.
            pub fn push_over_oldest(&self, value: &T) -> Result<(), Error> {
                self.open.update(Operation::PushOverOldest, Update::Existing, &[], value)
            }

            #[doc = concat!("Removes and returns ", $first, "; `None` when there is none.")]
            ///
            /// # Errors
            ///
            /// [`Error::Kernel`] when the kernel refuses it.
            pub fn pop(&self) -> Result<Option<T>, Error> {
                self.open.take(Operation::Pop, &[])
            }

            #[doc = concat!("Removes and returns ", $first, ", and so on until there is none.")]
            ///
            /// The kernel pops one at a time. There are no more than the map can
            /// hold, so it ends although a program pushes meanwhile, and it ends
            /// with its first error.
            pub fn drain(&self) -> impl Iterator<Item = Result<T, Error>> + '_ {
                let mut left = self.open.map.info().max_entries;
                std::iter::from_fn(move || {
                    left = left.checked_sub(1)?;
                    let popped = self.pop();
                    if popped.is_err() {
                        left = 0;
                    }
                    popped.transpose()
                })
                .fuse()
            }

            #[doc = concat!("Returns ", $first, ", which stays where it is; `None` when there is none.")]
            ///
            /// # Errors
            ///
            /// [`Error::Kernel`] when the kernel refuses it.
            pub fn peek(&self) -> Result<Option<T>, Error> {
                self.open.get(Operation::Peek, &[])
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
