//! What operations need.

use super::Operation;
use crate::map_type::MapType;
use crate::probe::Feature;

/// What the kernel demands for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing but that `bpf(2)` may be called.
    Call,
    /// A descriptor that was opened for reading.
    Read,
    /// One that was opened for writing, of a map that is not frozen.
    Write,
    /// Both of these.
    Both,
    /// As to write, and on some kernels a capability.
    Freeze,
    /// `CAP_SYS_ADMIN`.
    SysAdmin,
}

impl Needs {
    pub(super) fn of(operation: Operation) -> Self {
        use Operation as O;
        match operation {
            O::OpenPin | O::Duplicate | O::Describe | O::ReadBtf => Self::Call,
            O::OpenId | O::OpenBtf => Self::SysAdmin,
            O::Get
            | O::ContainsKey
            | O::LongestMatch
            | O::MayContain
            | O::Peek
            | O::Iterate
            | O::Step
            | O::Wait
            | O::ReadEvent => Self::Read,
            O::Set
            | O::SetBatch
            | O::Insert
            | O::InsertNew
            | O::Replace
            | O::InsertBatch
            | O::Remove
            | O::RemoveBatch
            | O::Push
            | O::PushOverOldest => Self::Write,
            O::Take | O::Pop | O::Drain | O::DrainStep | O::MapMemory => Self::Both,
            O::Freeze => Self::Freeze,
        }
    }
}

/// What a kernel may be without, and then refuses the operation.
pub(super) fn feature_of(operation: Operation, map_type: MapType) -> Option<Feature> {
    use Operation as O;
    Some(match operation {
        O::OpenId | O::OpenBtf => Feature::Ids,
        O::Take | O::Pop | O::DrainStep => Feature::LookupAndDelete(map_type),
        O::Iterate => Feature::LookupBatch(map_type),
        O::SetBatch | O::InsertBatch => Feature::UpdateBatch(map_type),
        O::RemoveBatch => Feature::DeleteBatch(map_type),
        O::Freeze => Feature::Freeze,
        O::MapMemory if map_type == MapType::ARRAY => Feature::MappedArray,
        _ => return None,
    })
}
