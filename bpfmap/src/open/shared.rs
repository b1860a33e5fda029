//! The BTF of the kernel that open maps share: the maps of one program have one
//! BTF, and it is read once.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::btf::Btf;
use crate::compare::Agreed;

/// BTF of the kernel, and what was found out of it.
#[derive(Debug)]
pub(crate) struct SharedBtf {
    pub(super) btf: Btf<'static>,
    agreed: Mutex<Agreed>,
}

impl SharedBtf {
    pub(crate) fn btf(&self) -> &Btf<'static> {
        &self.btf
    }

    /// Hands out what is known to agree, unless another thread has it.
    pub(super) fn agreed<T>(&self, compare: impl FnOnce(&mut Agreed) -> T) -> T {
        match self.agreed.try_lock() {
            Ok(mut agreed) => compare(&mut agreed),
            Err(_) => compare(&mut Agreed::default()),
        }
    }
}

/// By BTF id. What is in it lives as long as an open map that was compared with
/// it; and as long as such a map is open, the kernel keeps its BTF and gives
/// the id to no other.
static SHARED: Mutex<Vec<(u32, Weak<SharedBtf>)>> = Mutex::new(Vec::new());

/// The BTF of that id, if an open map has it. The caller has a descriptor of a
/// map of which the kernel has just said that its BTF is that.
pub(super) fn find(btf_id: u32) -> Option<Arc<SharedBtf>> {
    let shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.iter().find(|(id, _)| *id == btf_id)?.1.upgrade()
}

/// Shares the BTF of that id with maps that are opened while it lives. It has to
/// be dropped before the descriptor of the map.
pub(super) fn share(btf_id: u32, btf: Btf<'static>) -> Arc<SharedBtf> {
    let btf = Arc::new(SharedBtf { btf, agreed: Mutex::default() });
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.retain(|(id, btf)| *id != btf_id && btf.strong_count() > 0);
    shared.push((btf_id, Arc::downgrade(&btf)));
    btf
}
