//! Why an instance is not well.

super::words! {
    /// Why an instance is not well.
    OutageReason {
        /// It does not answer, or not as a Sonarr or Radarr.
        Unreachable = "unreachable",
        /// It does not take the key.
        Refused = "refused",
        /// It answers, and lacks what the settings name.
        Unfit = "unfit",
        /// It is well, and its webhooks do not come, or are refused.
        Webhook = "webhook",
    }
}

impl OutageReason {
    /// Those that are over as soon as the instance answers to its key.
    pub const WHILE_SILENT: &[Self] = &[Self::Unreachable, Self::Refused];
    /// Those that are over once the instance has done what was asked.
    pub const OF_INSTANCE: &[Self] = &[Self::Unreachable, Self::Refused, Self::Unfit];
}
