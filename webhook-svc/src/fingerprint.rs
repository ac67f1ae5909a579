//! A number for a text, by which a change of it is seen; no protection against anybody.

/// FNV-1a: the same in every process and version, as the hasher of the library is not.
pub fn fingerprint(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325, |state: u64, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
