//! What is asked of the kernel.

macro_rules! operations {
    ($($name:ident $text:literal;)*) => {
        /// An operation, as messages name it: what this crate calls it, and what
        /// the kernel does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Operation {
            $($name),*
        }

        impl Operation {
            pub(crate) fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text),*
                }
            }

            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

operations! {
    OpenPin "opening the pin (BPF_OBJ_GET)";
    OpenId "opening it by id (BPF_MAP_GET_FD_BY_ID)";
    Duplicate "duplicating its descriptor (fcntl)";
    Describe "describing it (BPF_OBJ_GET_INFO_BY_FD)";
    OpenBtf "opening its BTF (BPF_BTF_GET_FD_BY_ID)";
    ReadBtf "reading its BTF (BPF_OBJ_GET_INFO_BY_FD)";

    Get "get (BPF_MAP_LOOKUP_ELEM)";
    ContainsKey "contains_key (BPF_MAP_LOOKUP_ELEM)";
    LongestMatch "longest_match (BPF_MAP_LOOKUP_ELEM)";
    MayContain "may_contain (BPF_MAP_LOOKUP_ELEM)";
    Peek "peek (BPF_MAP_LOOKUP_ELEM)";
    Iterate "iteration (BPF_MAP_LOOKUP_BATCH)";
    Step "iteration, one by one (BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_ELEM)";

    Set "set (BPF_MAP_UPDATE_ELEM)";
    SetBatch "set_batch (BPF_MAP_UPDATE_BATCH)";
    Insert "insert (BPF_MAP_UPDATE_ELEM)";
    InsertNew "insert_new (BPF_MAP_UPDATE_ELEM with BPF_NOEXIST)";
    Replace "replace (BPF_MAP_UPDATE_ELEM with BPF_EXIST)";
    InsertBatch "insert_batch (BPF_MAP_UPDATE_BATCH)";
    Remove "remove (BPF_MAP_DELETE_ELEM)";
    RemoveBatch "remove_batch (BPF_MAP_DELETE_BATCH)";
    Push "push (BPF_MAP_UPDATE_ELEM)";
    PushOverOldest "push_over_oldest (BPF_MAP_UPDATE_ELEM with BPF_EXIST)";

    Take "take (BPF_MAP_LOOKUP_AND_DELETE_ELEM)";
    Pop "pop (BPF_MAP_LOOKUP_AND_DELETE_ELEM)";
    Drain "drain (BPF_MAP_LOOKUP_AND_DELETE_BATCH)";
    DrainStep "drain, one by one (BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_AND_DELETE_ELEM)";

    Freeze "freeze (BPF_MAP_FREEZE)";
    MapMemory "mapping it into memory (mmap)";
    Wait "waiting for an event (poll)";
    ReadEvent "reading an event";
}
