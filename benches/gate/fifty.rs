//! Fifty maps of one program, each with types of its own.

#![allow(dead_code, reason = "the maps are opened and not used")]

use aya::Ebpf;
use bpfmap::{Be16, Be32, BpfMapKey, BpfMapValue, Error, HashMap, Pad};

/// The compiled `fifty.bpf.c`.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!("../bpf/fifty.bpf.o");

/// `struct address` of that program.
#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Address {
    ip: [Be32; 4],
    port: Be16,
    family: u8,
    prefix: u8,
}

macro_rules! maps {
    ($($key:ident $zone:ident $value:ident $seen:ident $map:ident;)*) => {
        $(
            #[derive(BpfMapKey, Clone, Copy)]
            #[repr(C)]
            struct $key {
                from: Address,
                to: Address,
                $zone: u32,
                proto: u8,
                pad: Pad<3>,
            }

            #[derive(BpfMapValue, Clone, Copy)]
            #[repr(C)]
            struct $value {
                packets: u64,
                bytes: u64,
                $seen: u64,
                flags: u32,
                mark: [u16; 2],
            }
        )*

        /// All of them, open.
        pub struct Maps {
            $($map: HashMap<$key, $value>,)*
        }

        /// Their names.
        pub const NAMES: &[&str] = &[$(stringify!($map)),*];

        impl Maps {
            /// Opens each.
            pub fn open(ebpf: &Ebpf) -> Result<Self, Error> {
                Ok(Self { $($map: HashMap::open(ebpf, stringify!($map))?,)* })
            }
        }
    };
}

maps! {
    Key10 zone10 Value10 seen10 map10;
    Key11 zone11 Value11 seen11 map11;
    Key12 zone12 Value12 seen12 map12;
    Key13 zone13 Value13 seen13 map13;
    Key14 zone14 Value14 seen14 map14;
    Key15 zone15 Value15 seen15 map15;
    Key16 zone16 Value16 seen16 map16;
    Key17 zone17 Value17 seen17 map17;
    Key18 zone18 Value18 seen18 map18;
    Key19 zone19 Value19 seen19 map19;
    Key20 zone20 Value20 seen20 map20;
    Key21 zone21 Value21 seen21 map21;
    Key22 zone22 Value22 seen22 map22;
    Key23 zone23 Value23 seen23 map23;
    Key24 zone24 Value24 seen24 map24;
    Key25 zone25 Value25 seen25 map25;
    Key26 zone26 Value26 seen26 map26;
    Key27 zone27 Value27 seen27 map27;
    Key28 zone28 Value28 seen28 map28;
    Key29 zone29 Value29 seen29 map29;
    Key30 zone30 Value30 seen30 map30;
    Key31 zone31 Value31 seen31 map31;
    Key32 zone32 Value32 seen32 map32;
    Key33 zone33 Value33 seen33 map33;
    Key34 zone34 Value34 seen34 map34;
    Key35 zone35 Value35 seen35 map35;
    Key36 zone36 Value36 seen36 map36;
    Key37 zone37 Value37 seen37 map37;
    Key38 zone38 Value38 seen38 map38;
    Key39 zone39 Value39 seen39 map39;
    Key40 zone40 Value40 seen40 map40;
    Key41 zone41 Value41 seen41 map41;
    Key42 zone42 Value42 seen42 map42;
    Key43 zone43 Value43 seen43 map43;
    Key44 zone44 Value44 seen44 map44;
    Key45 zone45 Value45 seen45 map45;
    Key46 zone46 Value46 seen46 map46;
    Key47 zone47 Value47 seen47 map47;
    Key48 zone48 Value48 seen48 map48;
    Key49 zone49 Value49 seen49 map49;
    Key50 zone50 Value50 seen50 map50;
    Key51 zone51 Value51 seen51 map51;
    Key52 zone52 Value52 seen52 map52;
    Key53 zone53 Value53 seen53 map53;
    Key54 zone54 Value54 seen54 map54;
    Key55 zone55 Value55 seen55 map55;
    Key56 zone56 Value56 seen56 map56;
    Key57 zone57 Value57 seen57 map57;
    Key58 zone58 Value58 seen58 map58;
    Key59 zone59 Value59 seen59 map59;
}
