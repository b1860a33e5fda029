//! What the keys and the values of many maps are, in C.

use std::collections::HashMap;

use super::{Inventory, KernelMap};
use crate::btf::Btf;
use crate::object::declared_by_kernel_name;
use crate::open::btf_to_show;

/// The types of a map's key and value as C spells them: `struct flow_key`. `None`
/// where there is none, or where it cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypeNames {
    /// Of the key.
    pub key: Option<String>,
    /// Of the value.
    pub value: Option<String>,
}

impl Inventory {
    /// The types of keys and values of all maps, by the ids of the maps. Each BTF is
    /// read once; it needs `CAP_SYS_ADMIN`.
    ///
    /// They are from the kernel's BTF of the map, and where it has none from that of a
    /// program that uses it.
    pub fn type_names(&self) -> HashMap<u32, TypeNames> {
        let mut known = Known::default();
        self.maps.iter().map(|map| (map.id, known.names(self, map))).collect()
    }
}

/// BTF that was read, by its id; `None` is what could not be.
#[derive(Default)]
struct Known {
    btf: HashMap<u32, Option<Btf<'static>>>,
    vmlinux: Option<Option<Btf<'static>>>,
}

impl Known {
    fn btf(&mut self, id: u32) -> Option<&Btf<'static>> {
        self.btf.entry(id).or_insert_with(|| btf_to_show(id)).as_ref()
    }

    fn names(&mut self, inventory: &Inventory, map: &KernelMap) -> TypeNames {
        if map.btf_vmlinux_value_type_id != 0 {
            let vmlinux = self.vmlinux.get_or_insert_with(|| Btf::vmlinux().ok());
            let types = [0, map.btf_vmlinux_value_type_id];
            return vmlinux.as_ref().map(|btf| named(btf, types)).unwrap_or_default();
        }
        let types = [map.btf_key_type_id, map.btf_value_type_id];
        match map.btf_id {
            Some(id) if id != 0 && types != [0, 0] => {
                self.btf(id).map(|btf| named(btf, types)).unwrap_or_default()
            }
            _ => self.declared(inventory, map).unwrap_or_default(),
        }
    }

    fn declared(&mut self, inventory: &Inventory, map: &KernelMap) -> Option<TypeNames> {
        let name = map.name.as_deref().filter(|name| !name.is_empty())?;
        let uses = |program: &&super::KernelProgram| {
            program.btf_id != 0 && program.map_ids.contains(&map.id)
        };
        inventory.programs.iter().filter(uses).find_map(|program| {
            let btf = self.btf(program.btf_id)?;
            let declared = declared_by_kernel_name(btf, name)?;
            let types = [declared.key, declared.value].map(|side| side.type_id().unwrap_or(0));
            (declared.map_type == map.map_type.as_raw()).then(|| named(btf, types))
        })
    }
}

fn named(btf: &Btf<'_>, types: [u32; 2]) -> TypeNames {
    let [key, value] = types.map(|id| (id != 0).then(|| btf.view(id).to_string()));
    TypeNames { key, value }
}
