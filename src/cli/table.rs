//! Tables that fit a terminal: columns get narrower, and where that is not enough, the least important ones go.

use super::lines::{DIM, Line};

/// What is known of a column before its content is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    title: &'static str,
    is_number: bool,
    /// It does not get narrower than this.
    width_min: usize,
    /// Columns of a smaller weight go first.
    weight: u8,
}

impl Column {
    /// Filled at the end.
    pub(super) const fn text(title: &'static str, width_min: usize, weight: u8) -> Column {
        Column { title, is_number: false, width_min, weight }
    }

    /// Filled at the end, never cut.
    pub(super) const fn whole(title: &'static str, weight: u8) -> Column {
        Column { title, is_number: false, width_min: usize::MAX, weight }
    }

    /// Filled at the beginning, never cut.
    pub(super) const fn number(title: &'static str, weight: u8) -> Column {
        Column { title, is_number: true, width_min: usize::MAX, weight }
    }
}

/// A head and rows, which have a cell for every column.
pub(super) struct Table {
    columns: &'static [Column],
    rows: Vec<Vec<Line>>,
}

impl Table {
    pub(super) fn new(columns: &'static [Column]) -> Table {
        Table { columns, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<Line>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The head and every row, none of them wider than `width`.
    pub(super) fn lines(self, width: Option<usize>) -> Vec<Line> {
        let shown = self.fitted(width);
        let head = self.columns.iter().map(|column| Line::of(DIM, column.title)).collect();
        let rows = std::iter::once(head).chain(self.rows);
        rows.map(|cells| {
            let mut line = Line::default();
            let mut cells: Vec<Option<Line>> = cells.into_iter().map(Some).collect();
            for (column, columns) in &shown {
                if line.width() > 0 {
                    line.push(super::lines::PLAIN, GAP);
                }
                let cell = cells.get_mut(*column).and_then(Option::take).unwrap_or_default();
                line.append(match self.columns[*column].is_number {
                    true => cell.right(*columns),
                    false => cell.padded(*columns),
                });
            }
            match width {
                Some(width) => line.cut(width),
                None => line,
            }
        })
        .collect()
    }

    /// The columns to show, each with its width.
    fn fitted(&self, width: Option<usize>) -> Vec<(usize, usize)> {
        let natural = |(at, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(at)).map(Line::width);
            (at, cells.max().unwrap_or(0).max(column.title.len()))
        };
        let mut shown: Vec<(usize, usize)> = self.columns.iter().enumerate().map(natural).collect();
        let Some(width) = width else { return shown };
        loop {
            let mut narrowed = shown.clone();
            if self.narrow(&mut narrowed, width) || shown.len() == 1 {
                return narrowed;
            }
            let lightest = (0..shown.len()).min_by_key(|at| self.columns[shown[*at].0].weight);
            shown.remove(lightest.expect("there is more than one"));
        }
    }

    /// Takes from the widest until all fit; tells whether they do.
    fn narrow(&self, shown: &mut [(usize, usize)], width: usize) -> bool {
        let gaps = GAP.len() * shown.len().saturating_sub(1);
        loop {
            let total: usize = shown.iter().map(|(_, columns)| columns).sum::<usize>() + gaps;
            let Some(excess) = total.checked_sub(width).filter(|excess| *excess > 0) else { return true };
            let width_min = |column: usize| self.columns[column].width_min;
            let widest = shown
                .iter_mut()
                .filter(|(column, columns)| *columns > width_min(*column))
                .max_by_key(|(_, columns)| *columns);
            match widest {
                // in steps, so that two wide columns share what is missing
                Some((column, columns)) => {
                    *columns -= excess.min(STEP).min(*columns - width_min(*column));
                }
                None => return false,
            }
        }
    }
}

const GAP: &str = "  ";
const STEP: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::text("FLAG", 8, 9),
        Column::number("EVALUATIONS", 8),
        Column::text("VARIANTS", 8, 5),
        Column::text("SERVICES", 8, 1),
    ];

    fn table(width: Option<usize>) -> Vec<String> {
        let mut table = Table::new(&COLUMNS);
        for row in [
            ["new-checkout", "1200", "off 75.0%, on 25.0%", "checkout-api, storefront"],
            ["旗標\u{1b}[2J", "7", "on 100%", "旗"],
        ] {
            table.row(row.iter().map(|cell| Line::plain(cell)).collect());
        }
        let lines = table.lines(width);
        if let Some(width) = width {
            assert!(lines.iter().all(|line| line.width() <= width), "{width}");
        }
        let plain = |line: Line| anstream::adapter::strip_str(&line.to_string()).to_string();
        lines.into_iter().map(plain).collect()
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        assert_eq!(
            table(None),
            [
                "FLAG           EVALUATIONS  VARIANTS             SERVICES",
                "new-checkout          1200  off 75.0%, on 25.0%  checkout-api, storefront",
                r"旗標\u{1b}[2J            7  on 100%              旗",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_shows_what_counts() {
        assert_eq!(table(Some(60))[1], "new-checkout          1200  off 75.0%, on …  checkout-api, …");
        assert_eq!(table(Some(40))[0], "FLAG           EVALUATIONS  VARIANTS");
        assert_eq!(table(Some(22))[1], "new-chec…         1200");
        assert_eq!(table(Some(10))[1], "new-check…");
        (0..80).for_each(|width| drop(table(Some(width))));
    }
}
