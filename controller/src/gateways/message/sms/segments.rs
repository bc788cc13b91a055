//! How a text travels as SMS: its alphabet, how many parts it is charged as, and where it is cut.
//!
//! GSM 03.38: 160 septets in one message, 153 in each part of a longer one; some characters take two, and the pair
//! stays together. Anything else makes the whole text UCS-2: 70 UTF-16 units, 67 in a part; a surrogate pair stays
//! together. One character such as `৳`, `।` or a curly quote doubles what a message costs.

use serde::Serialize;

/// The basic alphabet, without the characters that take two septets.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
/// Characters that are sent as an escape and a septet.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// The alphabet of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SmsAlphabet)]
pub enum Alphabet {
    /// Seven bits a character: Latin letters.
    Gsm7,
    /// Sixteen bits: everything else, such as Bangla.
    Ucs2,
}

impl Alphabet {
    /// Units that fit: into a single message, and into each part of a longer one.
    const fn room(self) -> (usize, usize) {
        match self {
            Self::Gsm7 => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }

    /// Units of one character in this alphabet.
    fn units(self, c: char) -> usize {
        match self {
            Self::Gsm7 if EXTENDED.contains(c) => 2,
            Self::Gsm7 => 1,
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

/// How long a text is as SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Measure {
    /// Its alphabet.
    pub alphabet: Alphabet,
    /// Septets or UTF-16 units.
    pub units: usize,
    /// Messages it is charged as; 0 for an empty text.
    pub parts: usize,
    /// Units that still fit into the last part.
    pub left: usize,
}

/// The alphabet that a text needs.
#[must_use]
pub fn alphabet(text: &str) -> Alphabet {
    if text.chars().all(|c| BASIC.contains(c) || EXTENDED.contains(c)) { Alphabet::Gsm7 } else { Alphabet::Ucs2 }
}

/// How long a text is.
#[must_use]
pub fn measure(text: &str) -> Measure {
    let alphabet = alphabet(text);
    let units = text.chars().map(|c| alphabet.units(c)).sum();
    let (single, part) = alphabet.room();
    let pieces = split(text);
    let room = if pieces.len() > 1 { part } else { single };
    let last: usize = pieces.last().map_or(0, |piece| piece.chars().map(|c| alphabet.units(c)).sum());
    Measure { alphabet, units, parts: pieces.len(), left: room.saturating_sub(last) }
}

/// The parts of a text as they are sent; none for an empty text.
#[must_use]
pub fn split(text: &str) -> Vec<&str> {
    let alphabet = alphabet(text);
    let (single, part) = alphabet.room();
    let all: usize = text.chars().map(|c| alphabet.units(c)).sum();
    if all == 0 {
        return Vec::new();
    }
    if all <= single {
        return vec![text];
    }
    let (mut pieces, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let mut used = 0;
        let cut = rest.char_indices().find(|(_, c)| {
            used += alphabet.units(*c);
            used > part
        });
        let (piece, after) = rest.split_at(cut.map_or(rest.len(), |(at, _)| at));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> (Alphabet, usize) {
        let measure = measure(text);
        (measure.alphabet, measure.parts)
    }

    #[test]
    fn the_lengths_of_the_standard() {
        assert_eq!(measure("").parts, 0);
        assert_eq!(parts(&"a".repeat(160)), (Alphabet::Gsm7, 1));
        assert_eq!(parts(&"a".repeat(161)), (Alphabet::Gsm7, 2));
        assert_eq!(parts(&"a".repeat(306)), (Alphabet::Gsm7, 2));
        assert_eq!(parts(&"a".repeat(307)), (Alphabet::Gsm7, 3));
        assert_eq!(parts(&"ক".repeat(70)), (Alphabet::Ucs2, 1));
        assert_eq!(parts(&"ক".repeat(71)), (Alphabet::Ucs2, 2));
        assert_eq!(parts(&"ক".repeat(134)), (Alphabet::Ucs2, 2));
        assert_eq!(parts(&"ক".repeat(135)), (Alphabet::Ucs2, 3));
    }

    #[test]
    fn characters_that_cost_more() {
        assert_eq!(parts(&"€".repeat(80)), (Alphabet::Gsm7, 1));
        assert_eq!(parts(&"€".repeat(81)), (Alphabet::Gsm7, 2));
        for costly in ["৳", "।", "’", "“", "–"] {
            assert_eq!(alphabet(costly), Alphabet::Ucs2, "{costly}");
        }
        assert_eq!(alphabet("Tk 800 {paid} [ok]"), Alphabet::Gsm7);
        assert_eq!(measure("Tk 800").left, 154);
    }

    #[test]
    fn pairs_stay_together() {
        // 152 septets, then a character of two: it goes into the next part as a whole.
        let text = format!("{}€{}", "a".repeat(152), "a".repeat(20));
        let pieces = split(&text);
        assert_eq!(pieces.len(), 2);
        assert!(pieces[1].starts_with('€'));
        // 66 units, then a surrogate pair. By dividing alone this would be 2 parts of 67.
        let text = format!("{}😀{}", "ক".repeat(66), "ক".repeat(66));
        assert_eq!(measure(&text).units, 134);
        assert_eq!(measure(&text).parts, 3);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_part_is_too_long(text in "[a-z€\\[ক-হ😀।\n ]{0,400}") {
            let pieces = split(&text);
            prop_assert_eq!(pieces.concat(), text.clone());
            prop_assert_eq!(pieces.len(), measure(&text).parts);
            let alphabet = alphabet(&text);
            let (single, part) = alphabet.room();
            let room = if pieces.len() > 1 { part } else { single };
            for piece in &pieces {
                let units: usize = piece.chars().map(|c| alphabet.units(c)).sum();
                prop_assert!(units <= room && !piece.is_empty());
            }
            // Greedy packing: two neighbours never fit into one part.
            for pair in pieces.windows(2) {
                let units: usize = pair.concat().chars().map(|c| alphabet.units(c)).sum();
                prop_assert!(units > part);
            }
        }
    }
}
