//! Change points of a series that grows, with the story of each: when it was first seen, believed, and withdrawn. Never
//! forgets one that it reported.

use super::changepoint::Changepoints;
use super::error::StatsError;
use super::levels::LevelScale;
use super::segments::{self, FOLLOWING, Segmentation};

/// A change that moves by no more than this many points from one point to the next is the same change.
pub const NEARBY: usize = 10;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The first point of the new level, where it was placed last.
    pub at: usize,
    /// The newest point when it was first seen.
    pub seen_at: usize,
    /// The newest point when it first had [`FOLLOWING`] points after its first.
    pub confirmed_at: Option<usize>,
    /// The newest point when it was no longer there.
    pub withdrawn_at: Option<usize>,
}

/// A series that grows. At any moment its segmentation is that of [`segments`](super::segments()), bit for bit.
#[derive(Debug, Clone)]
pub struct Online {
    points: Changepoints,
    sightings: Vec<Sighting>,
}

impl Online {
    /// A series without points.
    pub fn new(scale: LevelScale) -> Self {
        Self { points: Changepoints::new(scale), sightings: Vec::new() }
    }

    /// Takes the next point. What is estimated from the whole series is estimated again when the series has grown by a
    /// sixteenth (at each point up to 256 points), so a point costs little on average, and that one costs as much as the
    /// whole series.
    ///
    /// # Errors
    /// When the value is out of range, or not above zero where ratios matter. The series stays as it was.
    pub fn append(&mut self, value: f64) -> Result<(), StatsError> {
        self.points.extend(&[value])?;
        let newest = self.points.len() - 1;
        let mut unknown = self.points.cuts();
        for sighting in self.sightings.iter_mut().filter(|sighting| sighting.withdrawn_at.is_none()) {
            let nearest = (0..unknown.len()).min_by_key(|index| unknown[*index].abs_diff(sighting.at));
            match nearest.filter(|index| unknown[*index].abs_diff(sighting.at) <= NEARBY) {
                Some(index) => sighting.at = unknown.remove(index),
                None => sighting.withdrawn_at = Some(newest),
            }
        }
        self.sightings.extend(unknown.into_iter().map(|at| Sighting {
            at,
            seen_at: newest,
            confirmed_at: None,
            withdrawn_at: None,
        }));
        for sighting in &mut self.sightings {
            let standing = sighting.withdrawn_at.is_none() && newest - sighting.at >= FOLLOWING;
            if standing && sighting.confirmed_at.is_none() {
                sighting.confirmed_at = Some(newest);
            }
        }
        Ok(())
    }

    /// Every change that was ever seen, in the order of its first sighting.
    pub fn sightings(&self) -> &[Sighting] {
        &self.sightings
    }

    /// The series as it is now.
    pub fn segmentation(&self) -> Segmentation {
        segments::segmentation(&self.points)
    }
}
