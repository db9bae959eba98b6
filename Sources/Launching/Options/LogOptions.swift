// How a process says things, from the command line.

import ArgumentParser
import Training

/// The options of what a process says.
struct LogOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How to say what happens: text for people, or json with an object a line.",
      valueName: "format"))
  var logFormat = LogFormat.text

  @Option(
    help: ArgumentHelp(
      "What to leave out: whatever is less important than debug, info, warning or error.",
      valueName: "level"))
  var logLevel = LogLevel.info

  /// Where to say things.
  var log: Log { Log(format: logFormat, level: logLevel) }

  /// The options as they were said, for a process that this one starts.
  var arguments: [String] {
    ["--log-format", logFormat.rawValue, "--log-level", logLevel.rawValue]
  }
}
