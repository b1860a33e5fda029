//! Errors and types of maps as data.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::map_type::MapType;
use crate::{Error, Occupancy};

/// As the name that `bpftool` uses, or as a number when there is none.
impl Serialize for MapType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name() {
            Some(name) => serializer.serialize_str(name),
            None => serializer.serialize_u32(self.as_raw()),
        }
    }
}

/// With the `ratio`, so that nobody has to divide.
impl Serialize for Occupancy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("entries", &self.entries)?;
        map.serialize_entry("max_entries", &self.max_entries)?;
        map.serialize_entry("ratio", &self.ratio())?;
        map.serialize_entry("is_approximate", &self.is_approximate)?;
        map.end()
    }
}

/// `error`, what it is in a word; `message`, for people; and what the variant
/// has for programs.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("error", self.word())?;
        map.serialize_entry("message", &self.to_string())?;
        match self {
            Self::Mismatch(mismatches) => map.serialize_entry("mismatches", mismatches)?,
            Self::UnknownMap { name, known, .. } | Self::UnknownVariable { name, known, .. } => {
                map.serialize_entry("name", name)?;
                map.serialize_entry("known", known)?;
            }
            Self::AmbiguousVariable { name, places } => {
                map.serialize_entry("name", name)?;
                map.serialize_entry("places", places)?;
            }
            Self::MapType { found, accepted, .. } => {
                map.serialize_entry("found", found)?;
                map.serialize_entry("accepted", accepted)?;
            }
            Self::Size { role, rust, kernel, .. } => {
                map.serialize_entry("role", role)?;
                map.serialize_entry("rust", rust)?;
                map.serialize_entry("kernel", kernel)?;
            }
            Self::Unverifiable { reason, .. } | Self::Untyped { reason, .. } => {
                map.serialize_entry("reason", reason)?
            }
            Self::Btf { subject, source_of_btf, .. } => {
                map.serialize_entry("subject", subject)?;
                map.serialize_entry("source", source_of_btf)?;
            }
            Self::Cpus { given, possible, .. } => {
                map.serialize_entry("given", given)?;
                map.serialize_entry("possible", possible)?;
            }
            Self::Event { wrong, .. } => map.serialize_entry("wrong", wrong)?,
            Self::OutOfRange { index, len, .. } => {
                map.serialize_entry("index", index)?;
                map.serialize_entry("len", len)?;
            }
            Self::PrefixTooLong { length, bits, .. } => {
                map.serialize_entry("length", length)?;
                map.serialize_entry("bits", bits)?;
            }
            Self::OtherMap { name, id, .. } => {
                map.serialize_entry("found", name)?;
                map.serialize_entry("found_id", id)?;
            }
            Self::Lengths { keys, values, .. } => {
                map.serialize_entry("keys", keys)?;
                map.serialize_entry("values", values)?;
            }
            Self::Partial { done, all, error } => {
                map.serialize_entry("done", done)?;
                map.serialize_entry("all", all)?;
                map.serialize_entry("cause", error)?;
            }
            Self::Full { max_entries, .. } => map.serialize_entry("max_entries", max_entries)?,
            Self::Kernel(error) => {
                map.serialize_entry("operation", error.operation)?;
                map.serialize_entry("errno", &error.errno())?;
                map.serialize_entry("cause", &error.cause())?;
                map.serialize_entry("meaning", error.meaning)?;
            }
            Self::NoMapType { tried } => map.serialize_entry("tried", tried)?,
            Self::Io { path, .. } => map.serialize_entry("path", path)?,
            Self::Unlistable { map_type, .. } | Self::Uncountable { map_type, .. } => {
                map.serialize_entry("found", map_type)?;
            }
            Self::NotASection { .. }
            | Self::OneOfSeveral { .. }
            | Self::ReadOnlyMemory { .. }
            | Self::OtherObject { .. }
            | Self::Object(_)
            | Self::Closed { .. }
            | Self::NotAMap { .. }
            | Self::KeyExists { .. }
            | Self::KeyMissing { .. } => {}
        }
        if let Some(label) = self.map() {
            map.serialize_entry("map", label)?;
        }
        map.end()
    }
}

impl Error {
    fn word(&self) -> &'static str {
        match self {
            Self::Mismatch(_) => "mismatch",
            Self::UnknownMap { .. } => "unknown_map",
            Self::MapType { .. } => "map_type",
            Self::NotASection { .. } => "not_a_section",
            Self::Unlistable { .. } => "unlistable",
            Self::Untyped { .. } => "untyped",
            Self::Uncountable { .. } => "uncountable",
            Self::UnknownVariable { .. } => "unknown_variable",
            Self::AmbiguousVariable { .. } => "ambiguous_variable",
            Self::OneOfSeveral { .. } => "one_of_several",
            Self::Size { .. } => "size",
            Self::Unverifiable { .. } => "unverifiable",
            Self::OtherObject { .. } => "other_object",
            Self::Btf { .. } => "btf",
            Self::Object(_) => "object",
            Self::Closed { .. } => "closed",
            Self::NotAMap { .. } => "not_a_map",
            Self::OtherMap { .. } => "other_map",
            Self::KeyExists { .. } => "key_exists",
            Self::KeyMissing { .. } => "key_missing",
            Self::Cpus { .. } => "cpus",
            Self::Lengths { .. } => "lengths",
            Self::Event { .. } => "event",
            Self::OutOfRange { .. } => "out_of_range",
            Self::PrefixTooLong { .. } => "prefix_too_long",
            Self::ReadOnlyMemory { .. } => "read_only_memory",
            Self::Partial { .. } => "partial",
            Self::Full { .. } => "full",
            Self::NoMapType { .. } => "no_map_type",
            Self::Kernel(_) => "kernel",
            Self::Io { .. } => "io",
        }
    }
}
