//! Posters of films that nobody made: a sky, a moon or a sun, and hills, all by the title, as a PNG.
//!
//! Plex names addresses of others, such as TMDB. Owns: that every answer names this server instead, as the caller reached it, so that no
//! test leaves the machine. Refuses: fonts and compression.

use crate::fakes::exchange::{Reply, Request, fnv};

/// Where payloads say that pictures are.
pub(crate) const ELSEWHERE: &str = "https://image.tmdb.org/t/p/original";

/// Pixels.
const WIDTH: i64 = 200;
const HEIGHT: i64 = 300;

/// The answer with all its pictures on this server.
pub(crate) fn kept_here(mut reply: Reply, request: &Request) -> Reply {
    let Some(host) = request.header("host") else { return reply };
    if let Ok(text) = std::str::from_utf8(&reply.body) {
        reply.body = text.replace(ELSEWHERE, &format!("http://{host}/pictures")).into();
    }
    reply
}

pub(crate) fn answer(path: &str) -> Reply {
    Reply::text(200, "image/png", png(fnv(path.as_bytes())))
}

/// A picture of 200 by 300 pixels.
fn png(seed: u64) -> Vec<u8> {
    let mut lines = Vec::new();
    for y in 0..HEIGHT {
        lines.push(0);
        for x in (0..WIDTH).step_by(2) {
            lines.push((colour(seed, x, y) << 4) | colour(seed, x + 1, y));
        }
    }
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    // Four bits a pixel, by palette.
    let mut head = Vec::new();
    head.extend((WIDTH as u32).to_be_bytes());
    head.extend((HEIGHT as u32).to_be_bytes());
    head.extend([4, 3, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &head);
    chunk(&mut file, b"PLTE", &palette(seed));
    chunk(&mut file, b"IDAT", &stored(&lines));
    chunk(&mut file, b"IEND", &[]);
    file
}

/// Which colour a pixel has: 0 to 10 are the sky from above, 11 is what shines in it, 12 to 15 are hills, the nearest last.
fn colour(seed: u64, x: i64, y: i64) -> u8 {
    let part = |shift: u32, modulus: u64| ((seed >> shift) % modulus) as i64;
    for hill in (0..4).rev() {
        // Two waves, whole numbers only.
        let (long, short) = (40 + part(hill * 7, 50), 17 + part(hill * 5 + 3, 20));
        let wave = |length: i64, height: i64| {
            let at = (x + part(hill * 3, 97)) % (2 * length);
            let rise = if at < length { at } else { 2 * length - at };
            rise * height / length
        };
        let top = 150 + i64::from(hill) * 34 + wave(long, 36) + wave(short, 9) - 20;
        if y > top {
            return 12 + hill as u8;
        }
    }
    let (centre_x, centre_y, radius) = (40 + part(11, 120), 45 + part(17, 60), 18 + part(23, 20));
    if (x - centre_x).pow(2) + (y - centre_y).pow(2) <= radius * radius {
        return 11;
    }
    (y * 11 / HEIGHT).clamp(0, 10) as u8
}

fn palette(seed: u64) -> Vec<u8> {
    let base = |shift: u32| [(seed >> shift) & 0x7f, (seed >> (shift + 8)) & 0x7f, (seed >> (shift + 16)) & 0x7f];
    let (above, below, land) = (base(3), base(29).map(|part| part + 110), base(19).map(|part| part / 2 + 20));
    let mixed = |from: [u64; 3], to: [u64; 3], share: u64, of: u64| {
        [0, 1, 2].map(|part| ((from[part] * (of - share) + to[part] * share) / of) as u8)
    };
    let sky = (0..11).map(|band| mixed(above, below, band, 10));
    let shine = [mixed(below, [255, 250, 225], 4, 5)];
    let hills = (1..5).map(|hill| mixed(below, land, hill, 4));
    sky.chain(shine).chain(hills).flatten().collect()
}

/// As zlib holds what is not compressed (RFC 1950, RFC 1951 3.2.4).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut held = vec![0x78, 0x01];
    let blocks = bytes.chunks(65_535).collect::<Vec<_>>();
    for (at, block) in blocks.iter().enumerate() {
        let length = block.len() as u16;
        held.push(u8::from(at + 1 == blocks.len()));
        held.extend(length.to_le_bytes());
        held.extend((!length).to_le_bytes());
        held.extend(*block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    held.extend((b << 16 | a).to_be_bytes());
    held
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let begin = file.len();
    file.extend(kind);
    file.extend(data);
    let check = crc(&file[begin..]);
    file.extend(check.to_be_bytes());
}

/// CRC-32 as PNG wants it.
fn crc(bytes: &[u8]) -> u32 {
    let step = |value: u32| if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
    let mut crc = u32::MAX;
    for byte in bytes {
        crc = (0..8).fold(crc ^ u32::from(*byte), |value, _| step(value));
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sum_is_the_one_of_png() {
        assert_eq!(crc(b"IEND"), 0xae42_6082);
    }

    #[test]
    fn a_poster_is_small_and_no_two_are_alike() {
        assert!(png(1).len() < 32 * 1024, "{}", png(1).len());
        assert_eq!(png(1), png(1));
        assert_ne!(png(1), png(2));
    }
}
