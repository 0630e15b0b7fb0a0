//! Matches of deflate: content that repeats what is a certain distance back (RFC 1951 §3.2.3).

/// The size of deflate's window in bytes.
pub(super) const WINDOW: usize = 32 << 10;
/// Copies of more bytes are worth a call out of the module.
const LONG_COPY: usize = 64;
/// How many bytes are copied at once otherwise.
const WORD: usize = 8;

/// Repeats what is `distance` bytes back, up to the end of the window. Returns how many bytes were copied.
pub(super) fn copy(window: &mut [u8; WINDOW], position: usize, length: usize, distance: usize) -> usize {
    let length = length.min(WINDOW.saturating_sub(position));
    let from = position.wrapping_sub(distance) & (WINDOW - 1);
    let end = from.saturating_add(length);
    if length > LONG_COPY && distance >= length && end <= WINDOW {
        window.copy_within(from..end, position);
        return length;
    }
    let mut copied = 0usize;
    if end <= WINDOW && length > WORD {
        copied = if distance < WORD {
            repeat(window, position, length, distance)
        } else {
            copy_words(window, position, length, from)
        };
    }
    for index in copied..length {
        let byte = window.get(from.wrapping_add(index) & (WINDOW - 1)).copied().unwrap_or_default();
        if let Some(place) = window.get_mut(position.wrapping_add(index)) {
            *place = byte;
        }
    }
    length
}

/// Copies whole words. A copy that reaches what it wrote repeats it: words are right as long as none reads what it writes itself.
/// Returns how many bytes were copied.
fn copy_words(window: &mut [u8; WINDOW], position: usize, length: usize, from: usize) -> usize {
    let mut copied = 0usize;
    while copied.saturating_add(WORD) <= length {
        let word = window.get(from.wrapping_add(copied)..).and_then(<[u8]>::first_chunk::<WORD>).copied();
        let place = window.get_mut(position.wrapping_add(copied)..).and_then(<[u8]>::first_chunk_mut::<WORD>);
        let (Some(word), Some(place)) = (word, place) else { break };
        *place = word;
        copied = copied.saturating_add(WORD);
    }
    copied
}

/// Repeats the last few bytes, less than a word. They are not read back from the window: processors wait long for bytes that they
/// have just written, sometimes ten times as long as at others. Returns how many bytes were copied.
fn repeat(window: &mut [u8; WINDOW], position: usize, length: usize, distance: usize) -> usize {
    let pattern = position.checked_sub(distance).and_then(|from| window.get(from..position)).unwrap_or_default();
    let mut word = [0; WORD];
    word.iter_mut().zip(pattern.iter().cycle()).for_each(|(byte, repeated)| *byte = *repeated);
    // As much of a word as is a multiple of the distance.
    let step = WORD.saturating_sub(WORD.checked_rem(distance).unwrap_or_default());
    let mut copied = 0usize;
    while copied.saturating_add(WORD) <= length {
        let place = window.get_mut(position.wrapping_add(copied)..).and_then(<[u8]>::first_chunk_mut::<WORD>);
        let Some(place) = place else { break };
        *place = word;
        copied = copied.saturating_add(step);
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte by byte, as the RFC describes it.
    fn naive(window: &mut [u8; WINDOW], position: usize, length: usize, distance: usize) -> usize {
        let length = length.min(WINDOW - position);
        for index in position..position + length {
            window[index] = window[(index + WINDOW - distance) % WINDOW];
        }
        length
    }

    #[test]
    fn every_match_repeats_what_is_at_its_distance() {
        let mut window = [0; WINDOW];
        window.iter_mut().enumerate().for_each(|(index, byte)| *byte = (index * 31 % 251) as u8);
        let distances = || (1..=70).chain([255, 258, 259, 1024, WINDOW - 300, WINDOW - 3, WINDOW]);
        for position in
            [0, 1, 5, 8, 9, 300, 1024, WINDOW - 300, WINDOW - 258, WINDOW - 17, WINDOW - 9, WINDOW - 8, WINDOW - 1]
        {
            for distance in distances() {
                for length in (3..=40).chain([63, 64, 65, 66, 127, 128, 257, 258]) {
                    let (mut found, mut expected) = (window, window);
                    let counts = (
                        copy(&mut found, position, length, distance),
                        naive(&mut expected, position, length, distance),
                    );
                    assert_eq!(counts.0, counts.1, "at {position}, {length} from {distance}");
                    assert!(found == expected, "at {position}, {length} from {distance}");
                }
            }
        }
    }
}
