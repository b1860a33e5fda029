//! BPF objects in files: the file itself, or what an executable carries, as
//! libbpf's skeletons do.

use memchr::memmem;
use object::Endianness;
use object::elf::{EM_BPF, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};

/// Every BPF object in these bytes: where it begins, and its own bytes.
pub(crate) fn objects(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut found = Vec::new();
    let mut after = 0;
    for at in memmem::find_iter(bytes, b"\x7fELF") {
        // What is in an object is data of it.
        if at < after {
            continue;
        }
        if let Some(object) = object(&bytes[at..]) {
            after = at + object.len();
            found.push((at, object));
        }
    }
    found
}

/// The object at the beginning of these bytes. The end of a file is nowhere
/// said: it is where the last section, or the table of sections, ends.
fn object(bytes: &[u8]) -> Option<&[u8]> {
    let header = FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    if header.e_machine(endian) != EM_BPF {
        return None;
    }
    let sections = header.section_headers(endian, bytes).ok()?;
    let table = header.e_shoff(endian).checked_add(size_of_val(sections) as u64)?;
    let ends = sections.iter().filter_map(|section| section.file_range(endian));
    let end = ends.map(|(start, len)| start.saturating_add(len)).fold(table, u64::max);
    bytes.get(..usize::try_from(end).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_cut_out() {
        let flows: &[u8] = include_bytes!("../../../examples/bpf/flows.bpf.o");
        let kinds: &[u8] = include_bytes!("../../bpf/kinds.bpf.o");
        assert_eq!(objects(flows), [(0, flows)]);
        let between = [b"\x7fELF, but no object".as_slice(), &[0; 99]].concat();
        let file = [&between, flows, &between, kinds, &between].concat();
        let second = between.len() * 2 + flows.len();
        assert_eq!(objects(&file), [(between.len(), flows), (second, kinds)]);
        assert_eq!(objects(&file[..second + 99]).len(), 1);
    }
}
