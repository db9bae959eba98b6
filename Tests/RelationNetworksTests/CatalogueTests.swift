// What can be trained, and what is said to people who misspell it.

import Foundation
import NeuralNetworks
import Testing

@testable import RelationNetworks

@Suite struct CatalogueTests {
  static let choices = TaskCatalogue.tasks.flatMap { task in
    task.models.flatMap { model in task.presets.map { [task.name, model.name, $0.name] } }
  }

  @Test(arguments: choices)
  func everyChoiceCanBeBuilt(names: [String]) throws {
    let configuration = try TaskCatalogue.configuration(
      task: names[0], model: names[1], preset: names[2])
    let json = try JSONEncoder().encode(configuration)
    #expect(try JSONDecoder().decode(TaskConfiguration.self, from: json) == configuration)
    let task = try TaskCatalogue.task(configuration)
    let prefixes = Set(task.layout.parameters.map { $0.name.prefix { $0 != "." } })
    let expected: Set<Substring> =
      switch names[1] {
      case "cnn-rn": ["conv", "rn"]
      case "cnn-mlp": ["conv", "mlp"]
      case "state-rn": ["rn"]
      default: ["mlp"]
      }
    #expect(prefixes == expected)
    #expect(task.sampleCount(of: .training) == (names[2] == "paper" ? 196_000 : 2_000_000))
    let defaults = try TaskCatalogue.defaults(for: configuration)
    #expect(defaults.learningRate.problem == nil)
    #expect(defaults.steps > 0)
    // The small one takes many small steps; the others are the paper's 10 workers.
    let shape = [defaults.replicas, defaults.batchSize]
    #expect(shape == (names[2] == "small" ? [2, 32] : [10, 64]))
  }

  /// The catalogue's models are those that steps are timed with.
  @Test func presetsAreTheBenchmarksModels() throws {
    for preset in ["small", "paper"] {
      let configuration = try TaskCatalogue.configuration(task: "sort-of-clevr", preset: preset)
      let layout = try TaskCatalogue.task(configuration).layout
      #expect(try BenchmarkModel(name: "sort-of-clevr-\(preset)").layout == layout)
    }
  }

  @Test func unknownNamesListTheKnownOnes() {
    func message(_ task: String, _ model: String?, _ preset: String?) -> String {
      do {
        _ = try TaskCatalogue.configuration(task: task, model: model, preset: preset)
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    #expect(message("Sort-of-clever", nil, nil).contains("known are sort-of-clevr"))
    #expect(message("sort-of-clevr", "rn-state", nil).contains("cnn-rn, "))
    #expect(message("sort-of-clevr", "stat-mlp", nil).contains("known are state-mlp, "))
    #expect(message("sort-of-clevr", nil, "papers").contains("known are paper, "))
  }

  @Test func configurationsThatCannotBeBuiltAreErrors() throws {
    let sound = try TaskCatalogue.configuration(task: "sort-of-clevr", preset: "small")
    let damages: [(inout TaskConfiguration) -> Void] = [
      { $0.sizes.pairWidths = [] }, { $0.sizes.pairWidths = [0] },
      { $0.sizes.readoutWidths = [1 << 40] }, { $0.sizes.convolutionChannels = [-1] },
      { $0.sizes.dropout = 1 }, { $0.sizes.dropout = .nan }, { $0.imageCounts.test = 0 },
      { $0.imageCounts.training = .max }, { $0.model = "" }, { $0.task = "clevr" },
    ]
    for (index, damage) in damages.enumerated() {
      var configuration = sound
      damage(&configuration)
      #expect(throws: CatalogueError.self, "damage \(index)") {
        try TaskCatalogue.task(configuration)
      }
    }
  }
}
