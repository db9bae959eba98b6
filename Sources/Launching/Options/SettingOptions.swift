// Any setting of a task, from the command line.

import ArgumentParser
import Learning

/// Settings that are said one by one.
struct SettingOptions: ParsableArguments {
  @Option(
    name: .customLong("set"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Set one of the task's settings, e.g. pairWidths=128,128; `relate tasks TASK` lists them. "
        + "May be said again.", valueName: "key=value"))
  var edits: [SettingEdit] = []

  @Option(help: "The model; each preset has one. Short for --set model=NAME.")
  var model: String?

  /// Everything that was said, in order.
  var all: [SettingEdit] {
    let first = model.flatMap { SettingEdit("model=\($0)") }
    return (first.map { [$0] } ?? []) + edits
  }
}

extension SettingEdit: ExpressibleByArgument {
  /// An edit as it is written: key=value.
  public init?(argument: String) { self.init(argument) }
}
