//! Figures into tables.

use super::measure::Cost;
use super::peers::Peer;

/// Of one row, everything measured, by peer, in the order of the rounds; a peer that was refused has a reason instead.
pub struct Row {
    pub title: String,
    pub peers: Vec<(Peer, Result<Vec<Cost>, String>)>,
    pub notes: Vec<String>,
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

/// The value below which so much of all lies.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}

impl Row {
    /// A table in Markdown, and the raw blocks below it.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "### {}\n\n| collector | CPU-s per million spans | ÷ burgee, round by round | spans/s | peak RSS, MiB | out ÷ in, bytes |\n|---|---|---|---|---|---|\n",
            self.title
        );
        let burgee: Vec<f64> = self.costs(Peer::Burgee).iter().map(|cost| cost.cpu).collect();
        for (peer, costs) in &self.peers {
            let costs = match costs {
                Ok(costs) => costs,
                Err(reason) => {
                    text += &format!("| {} | no figure: {reason} | | | | |\n", peer.name());
                    continue;
                }
            };
            let of = |figure: fn(&Cost) -> f64| median(&costs.iter().map(figure).collect::<Vec<_>>());
            let ratios: Vec<f64> = costs.iter().zip(&burgee).map(|(cost, own)| cost.cpu / own).collect();
            let (least, most) =
                ratios.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), r| (a.min(*r), b.max(*r)));
            text += &format!(
                "| {} | {:.2} | **{:.2}** [{least:.2} … {most:.2}] | {:.0} k | {:.0} | {:.2} |\n",
                peer.name(),
                of(|cost| cost.cpu),
                median(&ratios),
                of(|cost| cost.per_second) / 1000.0,
                of(|cost| cost.peak_mib),
                of(|cost| cost.out_of_in),
            );
        }
        text.push('\n');
        for note in &self.notes {
            text += &format!("{note}\n\n");
        }
        text += "Blocks: ";
        let blocks = self.peers.iter().filter_map(|(peer, costs)| {
            let costs = costs.as_ref().ok()?;
            let costs: Vec<_> = costs.iter().map(|cost| format!("{:.3}", cost.cpu)).collect();
            Some(format!("{} {}", peer.word(), costs.join(" ")))
        });
        text += &blocks.collect::<Vec<_>>().join(" · ");
        text += "\n";
        text
    }

    fn costs(&self, wanted: Peer) -> &[Cost] {
        let found = self.peers.iter().find(|(peer, _)| *peer == wanted);
        found.and_then(|(_, costs)| costs.as_deref().ok()).unwrap_or_default()
    }
}
