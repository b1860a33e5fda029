//! All that this crate knows of aya.

use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::Map;

use super::Loader;

impl Loader for aya::Ebpf {
    fn map_fd(&self, name: &str) -> Option<BorrowedFd<'_>> {
        self.map(name).map(fd)
    }

    fn map_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.maps().map(|(name, _)| name.to_owned()).collect();
        names.sort_unstable();
        names
    }

    fn program_fds(&self) -> Vec<BorrowedFd<'_>> {
        // A program that is not loaded yet has none.
        self.programs().filter_map(|(_, program)| Some(program.fd().ok()?.as_fd())).collect()
    }
}

/// aya gives the descriptor of what is in a `Map`, but not of a `Map`.
fn fd(map: &Map) -> BorrowedFd<'_> {
    let (Map::Array(data)
    | Map::ArrayOfMaps(data)
    | Map::BloomFilter(data)
    | Map::CgroupArray(data)
    | Map::CgroupStorage(data)
    | Map::CgrpStorage(data)
    | Map::CpuMap(data)
    | Map::DevMap(data)
    | Map::DevMapHash(data)
    | Map::HashMap(data)
    | Map::HashOfMaps(data)
    | Map::InodeStorage(data)
    | Map::LpmTrie(data)
    | Map::LruHashMap(data)
    | Map::PerCpuArray(data)
    | Map::PerCpuCgroupStorage(data)
    | Map::PerCpuHashMap(data)
    | Map::PerCpuLruHashMap(data)
    | Map::PerfEventArray(data)
    | Map::ProgramArray(data)
    | Map::Queue(data)
    | Map::ReusePortSockArray(data)
    | Map::RingBuf(data)
    | Map::SockHash(data)
    | Map::SockMap(data)
    | Map::SkStorage(data)
    | Map::Stack(data)
    | Map::StackTraceMap(data)
    | Map::Unsupported(data)
    | Map::XskMap(data)) = map;
    data.fd().as_fd()
}
