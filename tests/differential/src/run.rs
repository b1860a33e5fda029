//! Runs the comparison and counts.

use std::fmt::{self, Display, Formatter};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;
use bpfmap::{Btf, Error, Object};
use fastrand::Rng;

use crate::c::Struct;
use crate::compile::compile;
use crate::edits::{Edit, edits};
use crate::rust::{Field, Type};
use crate::table::with_table;
use crate::{fit, generate};

/// How many structs are in one translation unit.
const PER_UNIT: usize = 100;

/// What was tried, and what went wrong.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Structs of file scope.
    pub structs: usize,
    /// Fields of the Rust types that fit them, pads among them.
    pub fields: usize,
    /// Layouts that must not fit.
    pub edits: usize,
    /// Layouts that fit and were refused.
    pub false_refusals: usize,
    /// Layouts that do not fit and were accepted.
    pub false_acceptances: usize,
    /// Layouts that were refused for another field than the one edited.
    pub wrong_paths: usize,
    /// The first few of these, in full.
    pub failures: Vec<String>,
}

/// How many failures are kept.
const MAX_FAILURES: usize = 10;

impl Figures {
    /// Whether nothing went wrong.
    pub fn are_clean(&self) -> bool {
        self.false_refusals + self.false_acceptances + self.wrong_paths == 0
    }

    fn add(&mut self, other: Self) {
        self.structs += other.structs;
        self.fields += other.fields;
        self.edits += other.edits;
        self.false_refusals += other.false_refusals;
        self.false_acceptances += other.false_acceptances;
        self.wrong_paths += other.wrong_paths;
        self.failures.extend(other.failures);
        self.failures.truncate(MAX_FAILURES);
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} structs, {} fields, {} edits", self.structs, self.fields, self.edits)?;
        write!(
            f,
            "{} false refusals, {} false acceptances, {} wrong paths",
            self.false_refusals, self.false_acceptances, self.wrong_paths
        )
    }
}

/// Compares that many structs, all drawn from `seed`.
///
/// # Errors
///
/// When the compiler does not compile them, or what it wrote cannot be read.
pub fn run(clang: &str, structs: usize, seed: u64) -> Result<Figures> {
    let units = structs.div_ceil(PER_UNIT);
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Ok(Figures::default())));
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= units {
                break;
            }
            let count = PER_UNIT.min(structs - index * PER_UNIT);
            let figures = unit(clang, count, seed, index);
            let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match (&mut *total, figures) {
                (Ok(total), Ok(figures)) => total.add(figures),
                (Ok(_), Err(error)) => *total = Err(error),
                (Err(_), _) => break,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One translation unit, which is the same whatever is before it.
fn unit(clang: &str, count: usize, seed: u64, index: usize) -> Result<Figures> {
    let mut rng = rng_of(seed, index);
    let (structs, bytes) = compiled(clang, count, &mut rng)?;
    let object = Object::parse(&bytes)?;
    let mut unit = Unit {
        title: format!("seed {seed}, unit {index}, {clang}"),
        structs: &structs,
        btf: object.btf(),
        figures: Figures { structs: count, ..Figures::default() },
    };
    for index in 0..count {
        let fields = fit::fields(&mut rng, &structs, index);
        unit.compare(index, fields);
    }
    Ok(unit.figures)
}

/// Takes a title, an object, and the names of its structs.
pub type WithObject<'t> = dyn FnMut(&str, &[u8], &[String]) -> Result<()> + 't;

/// Hands the object of every translation unit to `then`, with a title and the
/// names of its structs.
///
/// # Errors
///
/// When the compiler does not compile it, or as `then`.
pub fn each_object(
    clang: &str,
    structs: usize,
    seed: u64,
    then: &mut WithObject<'_>,
) -> Result<()> {
    for index in 0..structs.div_ceil(PER_UNIT) {
        let count = PER_UNIT.min(structs - index * PER_UNIT);
        let (structs, bytes) = compiled(clang, count, &mut rng_of(seed, index))?;
        let names: Vec<_> = structs.into_iter().map(|one| one.name).collect();
        then(&format!("seed {seed}, unit {index}, {clang}"), &bytes, &names)?;
    }
    Ok(())
}

/// That of one translation unit.
fn rng_of(seed: u64, unit: usize) -> Rng {
    let mut seeds = Rng::with_seed(seed);
    Rng::with_seed(seeds.u64(..).wrapping_add(unit as u64))
}

/// The structs of one translation unit, and the object.
fn compiled(clang: &str, count: usize, rng: &mut Rng) -> Result<(Vec<Struct>, Vec<u8>)> {
    let mut structs = generate::structs(rng, count);
    let bytes = compile(clang, &mut structs)?;
    Ok((structs, bytes))
}

struct Unit<'a> {
    title: String,
    structs: &'a [Struct],
    btf: &'a Btf<'a>,
    figures: Figures,
}

impl Unit<'_> {
    fn compare(&mut self, index: usize, fields: Vec<Field>) {
        self.figures.fields += fields.iter().map(count).sum::<usize>();
        let name = &self.structs[index].name;
        let refused = with_table(&fields, |table| {
            let error = self.btf.check_layout(table, name).err()?;
            Some(format!("{table}\n{error}"))
        });
        if let Some(report) = refused {
            self.figures.false_refusals += 1;
            self.fail(index, &fields, "refused as it is", &report);
            return;
        }
        for Edit { what, fields, expected } in edits(&fields) {
            self.figures.edits += 1;
            let mut accepted = false;
            let wrong = with_table(&fields, |table| {
                let report = match self.btf.check_layout(table, name) {
                    Ok(()) => {
                        accepted = true;
                        "accepted".into()
                    }
                    Err(Error::Mismatch(mismatches)) => {
                        let paths: Vec<_> =
                            mismatches.iter().map(|(_, mismatch)| mismatch.path.as_str()).collect();
                        if expected.fits(&paths) {
                            return None;
                        }
                        format!("expected {expected:?}, found\n{mismatches}")
                    }
                    Err(error) => error.to_string(),
                };
                Some(format!("{table}\n{report}"))
            });
            if let Some(report) = wrong {
                match accepted {
                    true => self.figures.false_acceptances += 1,
                    false => self.figures.wrong_paths += 1,
                }
                self.fail(index, &fields, &what, &report);
            }
        }
    }

    fn fail(&mut self, index: usize, fields: &[Field], what: &str, report: &str) {
        if self.figures.failures.len() >= MAX_FAILURES {
            return;
        }
        let parts = Struct::with_parts(index, self.structs).into_iter();
        let source: String = parts.map(|part| self.structs[part].define(self.structs)).collect();
        let (title, name) = (&self.title, &self.structs[index].name);
        let rust: String = fields.iter().map(|field| format!("{field}\n")).collect();
        let text = format!("{title}, {name}: {what}\n\n{source}\n{rust}\n{report}");
        self.figures.failures.push(text);
    }
}

/// How many fields there are, those of nested structs among them.
fn count(field: &Field) -> usize {
    match field.ty.innermost() {
        Type::Struct(fields) => 1 + fields.iter().map(count).sum::<usize>(),
        _ => 1,
    }
}
