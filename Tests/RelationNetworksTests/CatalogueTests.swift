// What can be trained and timed by name, and what is said to people who misspell it.

import Foundation
import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import RelationNetworks

@Suite struct CatalogueTests {
  let catalogue = Catalogue.relationNetworks

  private func layout(of name: String) throws -> ParameterLayout {
    func layout<Family: ModelFamily>(of family: Family.Type, _ preset: String) throws
      -> ParameterLayout
    {
      try family.model(try family.preset(preset).settings, data: nil).layout
    }
    let model = try catalogue.model(named: name)
    return try layout(of: model.family, model.preset)
  }

  @Test func namesAreUniqueAndFamiliesHavePresets() {
    let names = catalogue.models.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(Set(catalogue.families.map { $0.name }).count == catalogue.families.count)
    #expect(
      catalogue.tasks.map { $0.name } == ["sort-of-clevr", "clevr", "babi", "physical", "clutrr"])
  }

  @Test(arguments: [
    ("sort-of-clevr-small", 364_402), ("sort-of-clevr-paper", 20_005_986),
    ("clevr-pixels", 485_061), ("clevr-state", 2_055_517), ("clevr-state-small", 464_477),
    ("babi", 534_047), ("babi-paper", 534_047), ("physical", 2_884_200),
    ("physical-paper", 2_884_200), ("sort-of-clevr-quick", 87_946),
  ])
  func benchmarkModelsHaveTheYardstickSize(name: String, count: Int) throws {
    #expect(try layout(of: name).parameterCount == count)
  }

  /// The order fixes where parameters lie, and so what they begin as.
  @Test(arguments: [
    ("sort-of-clevr-small", ["conv", "rn"]), ("clevr-pixels", ["conv", "embed", "lstm", "rn"]),
    ("clevr-state", ["embed", "lstm", "rn"]), ("babi", ["embed", "sent", "ques", "rn"]),
  ])
  func partsStandInTheirOrder(name: String, parts: [String]) throws {
    var found: [String] = []
    for parameter in try layout(of: name).parameters {
      let part = String(parameter.name.prefix { $0 != "." })
      if found.last != part { found.append(part) }
    }
    #expect(found == parts)
  }

  @Test func unknownNamesListTheKnownOnesClosestFirst() {
    func message(_ body: () throws -> Void) -> String {
      do { try body() } catch { return "\(error)" }
      return "no error"
    }
    func choice(_ task: String, _ preset: String? = nil, _ edit: String...) -> String {
      message {
        _ = try catalogue.choice(
          task: task, preset: preset, edits: edit.compactMap { SettingEdit($0) })
      }
    }
    #expect(choice("Sort-of-clever").contains("known are sort-of-clevr"))
    #expect(choice("sort-of-clevr", "papers").contains("known are paper, "))
    #expect(choice("sort-of-clevr", nil, "model=rn-state").contains("known are state-rn, "))
    #expect(choice("sort-of-clevr", nil, "model=stat-mlp").contains("known are state-mlp, "))
    #expect(choice("sort-of-clevr", nil, "pairWidth=3").contains("known are pairWidths, "))
    #expect(choice("sort-of-clevr", nil, "images.test=few").contains("takes a number"))
    #expect(choice("sort-of-clevr", nil, "images=3").contains("images.training"))
    #expect(choice("sort-of-clevr", nil, "images.test=1.5").contains("images.test"))
    #expect(
      message { _ = try catalogue.model(named: "clever-state") }
        .contains("\"clever-state\"; known are clevr-state, "))
  }

  /// What a person may set is all there is: every setting of every preset has a name, and an edit
  /// that says what already stands changes nothing.
  @Test func everySettingCanBeSetByName() throws {
    func check<Family: ModelFamily>(_ family: Family.Type) throws {
      for preset in family.presets {
        let json = try JSONValue(encoding: preset.settings)
        let choice = TaskChoice(family: family.name, preset: preset.name, settings: json)
        #expect(try choice.settings(of: family) == preset.settings)
        #expect(!json.keys.isEmpty)
        for key in json.keys {
          var edited = json
          let value = try #require(json.value(at: key.split(separator: ".").map(String.init)))
          let text = try #require(SettingEdit("\(key)=\(Self.text(of: value))"))
          try edited.apply(text)
          #expect(edited == json, "\(family.name) \(preset.name) \(key)")
          var changed = json
          try changed.apply(try #require(SettingEdit("\(key)=\(Self.other(than: value))")))
          let choice = TaskChoice(family: family.name, preset: preset.name, settings: changed)
          // A name that is none of a setting's few is refused.
          #expect((try? choice.settings(of: family)) != preset.settings, "\(family.name) \(key)")
        }
      }
    }
    for family in catalogue.families { try check(family) }
  }

  private static func text(of value: JSONValue) throws -> String {
    switch value {
    case .string(let text): text
    case .array(let values): try values.map { try text(of: $0) }.joined(separator: ",")
    default: String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }
  }

  private static func other(than value: JSONValue) -> String {
    switch value {
    case .string("cnn-rn"): "state-rn"
    case .string("vocabulary"): "whole"
    case .string("whole"): "vocabulary"
    case .string("distance"): "order"
    case .string("all"), .string("induction"): "none"
    case .string("none"): "all"
    case .string: "cnn-rn"
    case .array: "7,8"
    case .boolean(let value): "\(!value)"
    // A share or a count: read, both may be one more.
    case .integer(let value): "\(value + 1)"
    case .number(let value): "\(value / 2)"
    default: ""
    }
  }

  @Test(arguments: ["small", "paper", "quick"])
  func everyModelOfEveryPresetCanBeBuilt(preset: String) throws {
    for model in SortOfCLEVRFamily.models {
      let edit = try #require(SettingEdit("model=\(model.name)"))
      let choice = try catalogue.choice(task: "sort-of-clevr", preset: preset, edits: [edit])
      let facts = try catalogue.facts(of: choice, data: nil)
      let prefixes = Set(facts.layout.parameters.map { $0.name.prefix { $0 != "." } })
      let expected: Set<Substring> =
        switch model.name {
        case "cnn-rn": ["conv", "rn"]
        case "cnn-mlp": ["conv", "mlp"]
        case "state-rn": ["rn"]
        default: ["mlp"]
        }
      #expect(prefixes == expected)
      #expect(facts.sampleCount(of: .training) == (preset == "paper" ? 196_000 : 2_000_000))
      #expect(facts.sampleCount(of: .test) == 4_000)
      let plan = try catalogue.plan(for: choice)
      #expect(plan.learningRate.problem == nil && plan.steps > 0)
      // The small one takes many small steps; the others are the paper's 10 workers.
      let isSmall = preset == "small"
      #expect(plan.replicas == (isSmall ? 2 : 10) && plan.batchSize == (isSmall ? 32 : 64))
    }
  }

  @Test func whatCannotBeBuiltIsAnErrorThatSaysWhatToDo() throws {
    func message(_ edit: String) -> String {
      do {
        let edit = try #require(SettingEdit(edit))
        let choice = try catalogue.choice(task: "sort-of-clevr", preset: "small", edits: [edit])
        _ = try catalogue.facts(of: choice, data: nil)
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(message("pairWidths=[]") == "pairWidths is []; give 1 to 64 widths from 1 to 65536")
    #expect(message("pairWidths=0").contains("pairWidths is [0]"))
    #expect(message("readoutWidths=1099511627776").contains("give 1 to 64 widths"))
    #expect(message("convolutionChannels=-1").contains("convolutionChannels"))
    #expect(message("dropout=1").contains("below 1"))
    #expect(message("dropout=-0.5").contains("at least 0"))
    #expect(message("images.test=0") == "images.test is 0; give at least 1")
    #expect(message("images.training=4294967297").contains("give at most 4294967296"))
    #expect(message("dataSeed=9223372036854775808").contains("dataSeed"))
    #expect(message("dataSeed=-1").contains("dataSeed cannot be -1; give a whole number from 0"))
    #expect(message("images.test=1") == "no error")
  }
}
