//! `bpfmap why`: why a map has nothing for a key.

mod json;
mod key;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use bpfmap::diagnose::{Answer, KeyField, Link, MapRef, Question};
use bpfmap::{AnyMap, Cause, Decoder, Diagnosis, Error, Object, Why};
use clap::Args;
use serde::{Serialize, Serializer};

use crate::Found;
use crate::file::read;
use crate::output::Output;
use crate::select::{MapArgs, Selected, is_directory};

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "The key is JSON by the names of its fields, as `bpfmap dump` writes it:\n  \
    --key '{\"saddr\": \"10.0.0.1\", \"dport\": 443, \"proto\": 6}'\n\
    A number is in the byte order of its field: 443 is port 443 where the type says network order. \
    Addresses can be texts where the type is bytes or says network order. A key of one field is \
    its value alone: --key 443. Padding is zero unless it is given.\n\n\
    Exit codes: 0, the key is there; 1, a broken link was found; 2, it could not be looked at."
)]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    map: MapArgs,

    #[command(flatten)]
    key: KeyArgs,

    /// The program that should use the map, by its name in the kernel or its id.
    #[arg(long, value_name = "NAME|ID")]
    program: Option<String>,

    /// Where the map should be pinned.
    #[arg(long, value_name = "PATH")]
    pinned_at: Option<PathBuf>,

    /// The object that the map should have been loaded from; its fields are compared
    /// with those of the map in the kernel.
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,

    /// How many entries are looked at, when the key is not there.
    #[arg(long, value_name = "NUMBER", default_value_t = 1 << 22)]
    limit: u64,
}

#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
struct KeyArgs {
    /// The key that is looked up, as JSON.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    key: Option<String>,

    /// The same as its bytes: `0a 00 00 01`.
    #[arg(long, value_name = "HEX")]
    key_hex: Option<String>,
}

pub(crate) fn run(args: &WhyArgs, output: &mut Output) -> anyhow::Result<Found> {
    let object = match &args.object {
        Some(path) => {
            let file = || path.display().to_string();
            Some((read(path)?, file()))
        }
        None => None,
    };
    let object = match &object {
        Some((bytes, file)) => Some(Object::parse(bytes).with_context(|| file.clone())?),
        None => None,
    };
    let mut why = Why::new().look_at_most(args.limit);
    if let Some(object) = &object {
        why = why.object(object);
    }
    if let Some(pin) = &args.pinned_at {
        why = why.pin(pin);
    }
    match args.program.as_deref().map(|program| (program, program.parse())) {
        Some((_, Ok(id))) => why = why.program_id(id),
        Some((name, Err(_))) => why = why.program(name),
        None => {}
    }
    let selected = args.map.selected();
    if let Selected::Pin(path) = &selected
        && path.is_dir()
    {
        bail!(is_directory(path));
    }
    let map = match &selected {
        Selected::Id(id) => MapRef::Id(*id),
        Selected::Pin(path) => MapRef::Pin(path),
        Selected::Name(name) => MapRef::Name(name),
    };
    match why.find(map) {
        Ok(map) => {
            let (key, fields) = args.key.read(&why, &map)?;
            let mut diagnosis = why.ask_any_by(&map, &fields, &key);
            // The descriptor is the command's own, and nobody else's business.
            let is_own = |link: &Link| {
                link.question == Question::Alive && matches!(link.answer, Answer::Holds(_))
            };
            diagnosis.links.retain(|link| !is_own(link));
            let value =
                diagnosis.value.clone().map(|value| Value::of(&map, object.as_ref(), value));
            let found = say(&diagnosis, value.as_ref(), output)?;
            // What was to be compared is not in it.
            let is_other = object.as_ref().is_some_and(|object| {
                matches!(map.format_in(object, None), Err(Error::UnknownMap { .. }))
            });
            Ok(if is_other && found == Found::Nothing { Found::NotLooked } else { found })
        }
        Err(_) if let Some(error) = no_pin(&selected) => Err(error.into()),
        Err(diagnosis) => say(&diagnosis, None, output),
    }
}

/// The error of a file that is no pin.
fn no_pin(selected: &Selected) -> Option<Error> {
    let Selected::Pin(path) = selected else { return None };
    let error = AnyMap::from_pin(path).err()?;
    let is_no_pin = matches!(
        &error,
        Error::Kernel(error) if matches!(error.cause(), Some(Cause::NotInBpffs { .. }))
    );
    is_no_pin.then_some(error)
}

impl KeyArgs {
    /// The key, and the fields by which it was given.
    fn read(&self, why: &Why<'_>, map: &AnyMap) -> anyhow::Result<(Vec<u8>, Vec<KeyField>)> {
        if map.key_size() == 0 {
            bail!("{} is a {} and has no keys to ask for", map.label(), map.map_type());
        }
        let (fields, size) = (why.fields(map), map.key_size() as usize);
        match (&self.key, &self.key_hex) {
            (Some(json), _) => {
                let key = key::of_json(&fields, size, json).map_err(|error| {
                    match map.format().ok().and_then(|format| format.reason) {
                        Some(reason) if fields.iter().all(|field| field.ty.is_empty()) => {
                            error.context(format!("{}: {reason}", map.label()))
                        }
                        _ => error,
                    }
                })?;
                Ok((key, key::as_given(&fields, size, json)?))
            }
            (None, hex) => Ok((key::of_hex(hex.as_deref().unwrap_or_default(), size)?, fields)),
        }
    }
}

/// The value of the key, and how it is read; one for each CPU where the map has
/// that.
struct Value {
    decoder: Decoder,
    values: Vec<Vec<u8>>,
    per_cpu: bool,
}

impl Value {
    fn of(map: &AnyMap, object: Option<&Object<'_>>, value: Vec<u8>) -> Self {
        // What cannot be read by its type is bytes.
        let format = match object.map(|object| map.format_in(object, None)) {
            Some(Ok(format)) => Ok(format),
            Some(Err(_)) | None => map.format(),
        };
        let decoder = format.map_or_else(|_| Decoder::bytes(), |format| format.value.decoder);
        let values = map.values(&value).map(<[u8]>::to_vec).collect();
        Self { decoder, values, per_cpu: map.cpus().is_some() }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = self.values.iter().map(|value| self.decoder.value(value));
        match (self.per_cpu, values.next()) {
            (false, Some(only)) => only.serialize(serializer),
            (_, first) => serializer.collect_seq(first.into_iter().chain(values)),
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    decoded: Option<&'a Value>,
}

fn say(diagnosis: &Diagnosis, value: Option<&Value>, output: &mut Output) -> anyhow::Result<Found> {
    if output.is_json() {
        output.json(&Report { diagnosis, decoded: value })?;
    } else {
        writeln!(output, "{diagnosis}")?;
        if let Some(Value { decoder, values, per_cpu }) = value {
            for (cpu, value) in values.iter().enumerate() {
                let on = if *per_cpu { format!("CPU {cpu}: ") } else { String::new() };
                writeln!(output, "  value    {on}{}", decoder.value(value))?;
            }
        }
    }
    match (diagnosis.is_found(), diagnosis.broken()) {
        (true, _) => Ok(Found::Nothing),
        (false, Some(_)) => Ok(Found::Problem),
        // The report says why.
        (false, None) => Ok(Found::NotLooked),
    }
}
