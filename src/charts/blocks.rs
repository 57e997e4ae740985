//! The effect of every block of one comparison, in the order in which they were measured, so that a drift, a step or two
//! kinds of blocks show before anybody trusts the estimate. Stages are side by side and are never pooled.

use super::{
    axis::Axis,
    element::{Element, Glyph, Mark},
    estimate::Estimate,
    plot::{self, ChartError, Margins, Plot},
};
use crate::{model::Grade, units::Unit};

/// What a graph of blocks shows. Effects are changes with 0 for none: a share of the base, or a difference.
#[derive(Debug)]
pub struct BlockGraph<'a> {
    /// The graph's sentence, for screen readers.
    pub title: &'a str,
    /// Unit of the effects.
    pub unit: Unit,
    /// The stages, in their order.
    pub stages: &'a [BlockStage],
    /// Lower and upper end of what does not matter.
    pub margin: (f64, f64),
}

/// The blocks of one stage.
#[derive(Debug, Clone)]
pub struct BlockStage {
    /// What it is called: `stage 1`.
    pub name: String,
    /// Its blocks, in their order.
    pub blocks: Vec<BlockDot>,
    /// The stage's estimate, where it is the one that decides.
    pub estimate: Option<Estimate>,
}

/// One block.
#[derive(Debug, Clone)]
pub struct BlockDot {
    /// The text on hover: `block 3`.
    pub name: String,
    /// Its effect; `None` where a side has no value.
    pub effect: Option<f64>,
    /// Whether the head was measured before the base.
    pub head_first: bool,
}

/// Places left free between two stages.
const GAP: usize = 2;

impl BlockGraph<'_> {
    /// The graph as SVG text.
    ///
    /// # Errors
    /// [`ChartError`] where plotters cannot lay it out, which no input should cause.
    pub fn svg(&self) -> Result<String, ChartError> {
        let y = Axis::tight(self.values(), self.unit, 6);
        let (height, margins) = (300, Margins { top: 24, right: 16, bottom: 28, left: 64 });
        let x = self.axis();
        let elements = self.elements(&x, &y);
        plot::svg(960, self.title, &[Plot { height, margins, x, y, vertical_grid: false, elements }])
    }

    /// Everything that has to be in view. No change is always.
    fn values(&self) -> impl Iterator<Item = f64> {
        let estimates = self.stages.iter().filter_map(|stage| stage.estimate.as_ref());
        let ends = estimates.flat_map(|estimate| [estimate.value, estimate.ends().0, estimate.ends().1]);
        let effects = self.stages.iter().flat_map(|stage| &stage.blocks).filter_map(|block| block.effect);
        effects.chain(ends).chain([0.0, self.margin.0, self.margin.1])
    }

    /// Where each stage begins.
    fn starts(&self) -> impl Iterator<Item = (usize, &BlockStage)> {
        self.stages.iter().scan(0, |next, stage| {
            let start = *next;
            *next += stage.blocks.len() + GAP;
            Some((start, stage))
        })
    }

    /// Blocks counted from 1 in each stage, some of them named.
    fn axis(&self) -> Axis {
        let all = self.starts().last().map_or(1, |(start, stage)| start + stage.blocks.len()).max(1);
        let every = (all / 12).max(1);
        let named = self.starts().flat_map(|(start, stage)| {
            let wanted = (0..stage.blocks.len()).filter(move |index| index.is_multiple_of(every));
            wanted.map(move |index| ((start + index) as f64, (index + 1).to_string()))
        });
        let ticks = named.collect();
        Axis { low: -1.0, high: all as f64, log: false, ticks }
    }

    fn elements(&self, x: &Axis, y: &Axis) -> Vec<Element> {
        let (low, high) = (y.clamp(self.margin.0), y.clamp(self.margin.1));
        let mut elements = Vec::new();
        if low < high {
            let corners = vec![(x.low, low), (x.low, high), (x.high, high), (x.high, low)];
            elements.push(Element::band(corners, "margin"));
        }
        elements.push(Element::line(vec![(x.low, y.clamp(0.0)), (x.high, y.clamp(0.0))], "zero"));
        for (start, stage) in self.starts().filter(|(_, stage)| !stage.blocks.is_empty()) {
            let (from, to) = (start as f64 - 0.5, (start + stage.blocks.len()) as f64 - 0.5);
            elements.push(Element::words((from, y.high), "panel", stage.name.clone(), (0, -8)));
            elements.extend(stage.estimate_elements(from, to, y));
            let class = if stage.estimate.is_some() { "c1" } else { "earlier" };
            for (index, block) in stage.blocks.iter().enumerate() {
                elements.extend(block.element((start + index) as f64, self.unit, class));
            }
        }
        elements
    }
}

impl BlockStage {
    fn estimate_elements(&self, from: f64, to: f64, y: &Axis) -> Vec<Element> {
        let Some(estimate) = &self.estimate else { return Vec::new() };
        let mut elements = Vec::new();
        if let Some((low, high)) = estimate.interval {
            let (low, high) = (y.clamp(low), y.clamp(high));
            elements.push(Element::band(vec![(from, low), (from, high), (to, high), (to, low)], "c1"));
        }
        elements.push(Element::line(vec![(from, y.clamp(estimate.value)), (to, y.clamp(estimate.value))], "centre c1"));
        elements
    }
}

impl BlockDot {
    /// Full where the base was measured first, hollow where the head was.
    fn element(&self, at: f64, unit: Unit, class: &str) -> Option<Element> {
        let effect = self.effect.filter(|effect| effect.is_finite())?;
        let grade = if self.head_first { Grade::Unusable } else { Grade::Sound };
        let order = if self.head_first { "head first" } else { "base first" };
        let title = format!("{}: {}, {order}", self.name, unit.format(effect));
        let mark = Mark { glyph: Glyph::Point(grade), title, href: String::new() };
        Some(Element::mark((at, effect), class, mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, effects: &[f64], estimate: Option<Estimate>) -> BlockStage {
        let dot = |(index, effect): (usize, &f64)| BlockDot {
            name: format!("{name}, block {}", index + 1),
            effect: Some(*effect),
            head_first: index % 2 == 1,
        };
        BlockStage { name: name.into(), blocks: effects.iter().enumerate().map(dot).collect(), estimate }
    }

    #[test]
    fn every_block_is_a_mark_and_only_one_stage_decides() {
        let estimate = Some(Estimate { value: 0.04, interval: Some((0.03, 0.05)) });
        let stages = [stage("stage 1", &[0.05, 0.01, 0.03], None), stage("stage 2", &[0.04; 4], estimate)];
        let svg = BlockGraph { title: "t", unit: Unit::Ratio, stages: &stages, margin: (-0.01, 0.01) }.svg().unwrap();
        assert_eq!(svg.matches("<circle").count(), 7, "{svg}");
        assert_eq!(svg.matches(r#"class="hollow""#).count(), 3);
        assert_eq!((svg.matches("centre c1").count(), svg.matches("mark earlier").count()), (1, 3));
        assert!(svg.contains("stage 2, block 4: 4.00%, head first") && svg.contains(">0%<"), "{svg}");
    }

    #[test]
    fn awkward_blocks_give_a_graph() {
        let gap = BlockStage {
            name: "stage 1".into(),
            blocks: vec![BlockDot { name: String::new(), effect: None, head_first: true }],
            estimate: None,
        };
        for stages in [vec![], vec![gap], vec![stage("s", &[], None)], vec![stage("s", &[f64::NAN, 1e300], None)]] {
            let graph = BlockGraph { title: "", unit: Unit::Ratio, stages: &stages, margin: (0.0, 0.0) };
            assert!(!graph.svg().unwrap().contains("NaN"));
        }
    }
}
