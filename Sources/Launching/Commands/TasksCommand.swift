// relate tasks: what can be trained.

import ArgumentParser
import Learning
import NeuralNetworks

/// `relate tasks`.
struct TasksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tasks",
    abstract: "List what can be trained, with models, presets and settings.",
    discussion: """
      With the name of a task, its settings and their values in each preset: what --set changes.

      Example: relate tasks sort-of-clevr
      """)

  @Argument(help: "A task, to see its settings.") var task: String?

  func run() throws {
    try reportingErrors {
      if let task {
        try settings(of: try catalogue.task(task))
      } else {
        for family in catalogue.tasks { try list(family) }
      }
      return 0
    }
  }

  private func list<Family: TaskFamily>(_ family: Family.Type) throws {
    print("\(family.name): \(family.summary)")
    if !family.models.isEmpty { print("  models") }
    for model in family.models { print("    \(padded(model.name))\(model.summary)") }
    print("  presets, the first unless one is named")
    for preset in family.presets {
      let size = try family.model(preset.settings, data: nil).layout.parameterCount
      let plan = preset.plan
      print("    \(padded(preset.name))\(preset.summary)")
      print(
        "    \(padded(""))\(size) parameters, \(plan.steps) steps of \(plan.replicas) x "
          + "\(plan.batchSize) samples")
    }
  }

  private func settings<Family: TaskFamily>(of family: Family.Type) throws {
    let presets = try family.presets.map { ($0.name, try JSONValue(encoding: $0.settings)) }
    let keys = presets[0].1.keys
    let width = (keys.map(\.count).max() ?? 0) + 2
    for (name, values) in presets {
      print("\(family.name) --preset \(name)")
      for key in keys {
        let value = values.value(at: key.split(separator: ".").map(String.init))
        print("  \(padded(key, to: width))\(value?.text ?? "")")
      }
    }
  }

  private func padded(_ name: String, to width: Int = 12) -> String {
    name + String(repeating: " ", count: max(1, width - name.count))
  }
}
