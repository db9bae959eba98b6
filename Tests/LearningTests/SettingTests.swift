// Settings by name: what is taken, what is refused, and what is said.

import Foundation
import NeuralNetworks
import Tensors
import Testing

@testable import Learning

@Suite struct SettingTests {
  enum Colour: String, SettingChoice {
    case red, green
    static let kind = "colour"
    var summary: String { "The colour \(rawValue)." }
  }

  struct Settings: Codable, Hashable, Sendable {
    struct Inner: Codable, Hashable, Sendable {
      var steps = 3
      var name = "plain"
    }
    var colour = Colour.red
    var widths = [4, 5]
    var share: Float = 0
    var seed: UInt64 = 1
    var isDeep = false
    var inner = Inner()
  }

  private func settings(_ edits: String...) throws -> Settings {
    var json = try JSONValue(encoding: Settings())
    for edit in edits { try json.apply(try #require(SettingEdit(edit))) }
    return try json.decodedStrictly(as: Settings.self)
  }

  private func message(_ edit: String) -> String {
    do { _ = try settings(edit) } catch { return "\(error)" }
    return "no error"
  }

  @Test func editsSayWhatTheyMean() throws {
    let edited = try settings(
      "colour=green", "widths=7,8,9", "share=0.25", "seed=12", "isDeep=true", "inner.steps=0",
      "inner.name=a=b, \"c\"")
    var expected = Settings()
    (expected.colour, expected.widths, expected.share) = (.green, [7, 8, 9], 0.25)
    (expected.seed, expected.isDeep) = (12, true)
    expected.inner = .init(steps: 0, name: "a=b, \"c\"")
    #expect(edited == expected)
    #expect(try settings("widths=[7]").widths == [7])
    #expect(try settings("widths=7").widths == [7])
    #expect(try settings("widths=").widths == [])
  }

  @Test func whatIsNoEditIsNone() {
    for text in ["steps", "=3", ".a=3", "a.=3", "a..b=3", ""] {
      #expect(SettingEdit(text) == nil, "\(text)")
    }
    #expect(SettingEdit("a.b=")?.key == ["a", "b"])
  }

  @Test func whatIsRefusedIsExplained() {
    #expect(message("color=red").contains("no setting called \"color\"; known are colour, "))
    #expect(message("inner.step=1").contains("inner.steps"))
    #expect(message("inner=1").contains("inner.name, inner.steps"))
    #expect(message("widths.first=1").contains("no setting called \"widths.first\""))
    #expect(message("isDeep=1") == "isDeep takes true or false, not \"1\"")
    #expect(message("seed=one") == "seed takes a number, not \"one\"")
    #expect(message("colour=blue").contains("no colour called \"blue\"; known are "))
    #expect(message("inner.steps=1.5").hasPrefix("inner.steps cannot be 1.5; give a whole"))
    #expect(message("seed=-1").hasPrefix("seed cannot be -1"))
    #expect(message("widths=1.5,2").contains("widths cannot be [1.5,2]"))
    #expect(message("widths=a,b").contains("widths"))
  }

  @Test func nothingBesideTheSettingsIsTaken() throws {
    guard case .object(var members) = try JSONValue(encoding: Settings()) else {
      Issue.record("no object")
      return
    }
    members["depth"] = .integer(3)
    #expect {
      try JSONValue.object(members).decodedStrictly(as: Settings.self)
    } throws: {
      "\($0)".contains("\"depth\"; known are ")
    }
    members["depth"] = nil
    members["seed"] = nil
    #expect(throws: DecodingError.self) {
      try JSONValue.object(members).decodedStrictly(as: Settings.self)
    }
  }

  @Test func keysAreDotted() throws {
    #expect(
      try JSONValue(encoding: Settings()).keys == [
        "colour", "inner.name", "inner.steps", "isDeep", "seed", "share", "widths",
      ])
  }
}
