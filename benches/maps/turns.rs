//! Measures several ways to do the same thing in turns.
//!
//! Criterion takes one after the other, and between them the machine changes by
//! more than the goals here are apart. A round takes a turn of each, so what slows
//! the machine down slows down all of them, and a ratio is the median of the
//! rounds' ratios.

use std::time::{Duration, Instant};

/// A way to do it.
pub struct Way<'a> {
    name: &'static str,
    /// Does it so many times, and says how long that took.
    time: Box<dyn FnMut(u64) -> Duration + 'a>,
    /// How many times it is done in a turn.
    times: u64,
    goal: Option<Goal>,
}

/// What the first way is to be, beside another one.
#[derive(Clone, Copy)]
pub enum Goal {
    /// It takes at most so many times as long.
    AtMost(f64),
    /// It is at least so many times as fast.
    TimesFaster(f64),
}

impl<'a> Way<'a> {
    /// `body` does it once.
    pub fn new(name: &'static str, mut body: impl FnMut() + 'a) -> Self {
        Self::timed(name, move |times| {
            let start = Instant::now();
            (0..times).for_each(|_| body());
            start.elapsed()
        })
    }

    /// `time` does it so many times, and says how long that took, without what
    /// it has to do before.
    pub fn timed(name: &'static str, time: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self { name, time: Box::new(time), times: 1, goal: None }
    }

    pub fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// Finds out how often it is done in a turn of that length.
    fn calibrate(&mut self, turn: Duration) {
        while (self.time)(self.times) < turn {
            self.times *= 2;
        }
    }
}

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    /// How long a turn takes, at least.
    pub turn: Duration,
    pub rounds: usize,
}

/// What was measured, to be printed at the end of the run.
#[derive(Default)]
pub struct Summary {
    text: String,
    missed: usize,
}

impl Summary {
    /// Measures the ways to do `title`, of which each deals with so many `units`.
    pub fn add(&mut self, title: &str, units: u64, effort: Effort, mut ways: Vec<Way<'_>>) {
        eprintln!("{title} ...");
        ways.iter_mut().for_each(|way| way.calibrate(effort.turn));
        let mut times = vec![Vec::new(); ways.len()];
        for round in 0..effort.rounds {
            // Nobody is always the one after another.
            for turn in 0..ways.len() {
                let index = (turn + round) % ways.len();
                let way = &mut ways[index];
                let took = (way.time)(way.times);
                times[index].push(took.as_secs_f64() / (way.times * units) as f64);
            }
        }
        self.line(title);
        for (way, of_way) in ways.iter().zip(&times) {
            let name = way.name;
            let mut line = format!("  {name:<32} {:>10.2} ns", median(of_way) * 1e9);
            let ratios = |goal| {
                let ratios = of_way.iter().zip(&times[0]).map(|(other, first)| match goal {
                    Goal::AtMost(_) => first / other,
                    Goal::TimesFaster(_) => other / first,
                });
                ratios.collect::<Vec<_>>()
            };
            if let Some(goal) = way.goal {
                let ratio = median(&ratios(goal));
                let (says, holds) = match goal {
                    Goal::AtMost(most) => {
                        (format!("takes {ratio:.3} of it (goal: at most {most})"), ratio <= most)
                    }
                    Goal::TimesFaster(least) => {
                        let says = format!("is {ratio:.2} times as fast (goal: at least {least})");
                        (says, ratio >= least)
                    }
                };
                line += &format!("   {} {says}", ways[0].name);
                if !holds {
                    line += ": missed";
                    self.missed += 1;
                }
            }
            self.line(&line);
        }
    }

    fn line(&mut self, line: &str) {
        self.text += line.trim_end();
        self.text += "\n";
    }

    pub fn print(&self) {
        println!("\nMedians for one entry, and medians of the rounds' ratios:\n\n{}", self.text);
        println!("goals missed: {}", self.missed);
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}
