// Which release this is.

/// The version of this software.
public let relateVersion = "0.2.0"
