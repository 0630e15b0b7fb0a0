//! Request headers as bytes, in the order in which they arrived.

/// A header map in proxy-wasm's serialization, parsed in place: a count, the size of each name and value, then the
/// names and values, each followed by a zero byte. Numbers are 32-bit little-endian.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    bytes: &'a [u8],
}

impl<'a> Headers<'a> {
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The names and values. A truncated map ends early.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let (count, sizes) = split_u32(self.bytes).unwrap_or((0, &[]));
        let table = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(8);
        let (mut sizes, mut data) = sizes.split_at_checked(table).unwrap_or((&[], &[]));
        std::iter::from_fn(move || {
            let (name, rest) = split_u32(sizes)?;
            let (value, rest) = split_u32(rest)?;
            sizes = rest;
            let name = split_text(&mut data, name)?;
            let value = split_text(&mut data, value)?;
            Some((name, value))
        })
    }
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

fn split_text<'a>(data: &mut &'a [u8], length: u32) -> Option<&'a [u8]> {
    let (text, rest) = data.split_at_checked(usize::try_from(length).ok()?)?;
    *data = rest.get(1..)?;
    Some(text)
}

/// The serialization of a header map.
#[must_use]
pub fn serialize(headers: &[(&[u8], &[u8])]) -> Vec<u8> {
    // A size over 4 GiB cannot be written, but does not fit into a module's memory either.
    let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = size(headers.len()).to_vec();
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(size(text.len()));
    }
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text);
        bytes.push(0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_in_order_whatever_their_bytes() {
        let map: &[(&[u8], &[u8])] = &[(b":path", b"/a\xff\0b"), (b"x", b""), (b"x", b"2")];
        let bytes = serialize(map);
        assert_eq!(Headers::new(&bytes).iter().collect::<Vec<_>>(), map);
        for end in 0..bytes.len() {
            assert!(Headers::new(&bytes[..end]).iter().count() < 3, "a map truncated at {end} has no made-up headers");
        }
        assert_eq!(Headers::new(&[]).iter().count(), 0);
        assert_eq!(Headers::new(&[0xff; 12]).iter().count(), 0);
    }
}
