//! The webhook connection in a Sonarr or Radarr by which it tells us what happens there.

super::words! {
    /// How an instance's connection to us stands.
    ConnectionStatus {
        /// The instance was asked to try it, and reached us.
        Ok = "ok",
        /// Something at the address answered, and not as we would; or parts of the connection are switched off.
        NotWorking = "not_working",
        /// The instance reaches nobody at the address it was given, or was given another one than today's.
        WrongAddress = "wrong_address",
        /// We were reached, and refused the password.
        WrongSecret = "wrong_secret",
        /// The instance has no connection of ours.
        Missing = "missing",
        /// It was not looked at, or looking was not possible.
        Unknown = "unknown",
    }
}

/// What was found about one instance's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// How it stands.
    pub status: ConnectionStatus,
    /// One sentence for people, ending with what to do.
    pub advice: String,
    /// The instance's number for it, when it has one.
    pub arr_id: Option<i64>,
    /// The address that the instance has been given, or, where that is not known, is to be given.
    pub url: Option<String>,
}
