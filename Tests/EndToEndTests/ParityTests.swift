// relate parity: the numbers of PyTorch, and those that the libraries give to anybody.

import Autodiff
import Files
import Foundation
import Learning
import NeuralNetworks
import RelationNetworks
import Tensors
import TestSupport
import Testing
import Training

@Suite struct ParityTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  /// What PyTorch computed in double precision: see `scripts/golden/parity.py`.
  private struct Golden: Decodable {
    struct Gradient: Decodable {
      let norm: Double
      let probe: Double
    }
    let loss: Double
    let logits: [Float]
    let gradients: [String: Gradient]
  }

  private static let batch = 3
  /// The machine's engines that compute without rounding.
  private static let engines = MatrixEngine.allCases.filter {
    $0.failure(computingIn: .fp32) == nil
  }

  /// A number from 0 to 1 of a place of a tensor, as the golden values' script makes it.
  private static func number(_ name: String, _ place: Int) -> Double {
    var x = name.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
    x &+= UInt32(truncatingIfNeeded: place)
    for _ in 0..<2 { x = (x ^ x >> 16) &* 0x45D_9F3B }
    return Double(x ^ x >> 16) / 4_294_967_296
  }

  private static func tensor(
    _ name: String, _ shape: Shape, _ value: (Double) -> Double = { $0 }
  ) -> Tensor {
    Tensor((0..<shape.count).map { Float(value(number(name, $0))) }, shape: shape)
  }

  private static func weights(_ layout: ParameterLayout) -> ParameterVector {
    var values = ParameterVector(initializing: layout, seed: 0)
    let scalars = layout.parameters.flatMap { parameter in
      let inputs = Double(parameter.shape.dimensions.dropFirst().reduce(1, *))
      return tensor(parameter.name, parameter.shape) {
        parameter.shape.rank == 1 ? 0.05 + 0.2 * $0 : (2 * $0 - 1) / inputs.squareRoot()
      }.scalars
    }
    values.parameters = Tensor(scalars, shape: [scalars.count])
    return values
  }

  private func layout(of config: String) throws -> ParameterLayout {
    let family = SortOfCLEVRFamily.self
    let preset = try Catalogue.relationNetworks.model(named: config).preset
    return try family.model(family.preset(preset).settings, data: nil).layout
  }

  /// Writes the weights and the batch of a case.
  private func prepare(_ config: String, _ layout: ParameterLayout) throws {
    var weights = SafetensorsWriter()
    weights.add(Self.weights(layout))
    try weights.write(to: workspace.path("weights"))
    var batch = SafetensorsWriter()
    if config.hasSuffix("small") {
      batch.add("image", Self.tensor("image", [Self.batch, 3, 75, 75]))
    } else {
      batch.add("objects", Self.tensor("objects", [Self.batch, 6, 10]) { 2 * $0 - 1 })
    }
    batch.add("question", Self.tensor("question", [Self.batch, 11]) { $0 > 0.5 ? 1 : 0 })
    batch.add("target", (0..<Self.batch).map { Int64(Self.number("target", $0) * 10) })
    try batch.write(to: workspace.path("batch"))
  }

  private func parity(_ config: String, to out: String, _ options: [String]) throws -> Safetensors {
    try workspace.relate(
      [
        "parity", "--config", config, "--weights", "weights", "--batch", "batch", "--out", out,
      ] + options
    ).requiringSuccess()
    return try Safetensors(contentsOf: workspace.path(out))
  }

  @Test(arguments: ["sort-of-clevr-quick", "sort-of-clevr-small"])
  func agreesWithPyTorch(config: String) throws {
    let url = try #require(
      Bundle.module.url(
        forResource: "parity", withExtension: "json", subdirectory: "Golden"))
    let all = try JSONDecoder().decode([String: Golden].self, from: Data(contentsOf: url))
    let golden = try #require(all[config])
    let layout = try layout(of: config)
    #expect(Set(layout.parameters.map(\.name)) == Set(golden.gradients.keys))
    try prepare(config, layout)
    for engine in Self.engines {
      let output = try parity(config, to: "\(engine)", ["--engine", engine.rawValue])
      let loss = try output.tensor("loss").item
      #expect(distance(of: Double(loss), from: golden.loss) < 1e-4)
      let logits = Tensor(golden.logits, shape: [Self.batch, 10])
      #expect(distance(of: try output.tensor("logits"), from: logits) < 1e-4)
      let greatest = golden.gradients.values.map(\.norm).max() ?? 0
      for parameter in layout.parameters {
        let name = parameter.name
        let expected = try #require(golden.gradients[name])
        let scalars = try output.finiteTensor("gradient.\(name)").scalars.map { Double($0) }
        let norm = scalars.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let probe = scalars.enumerated().reduce(0) {
          $0 + $1.element * (2 * Self.number("probe.\(name)", $1.offset) - 1)
        }
        // Batch normalisation takes away what a convolution's bias adds: nothing but rounding.
        let tolerance = 2e-3 * expected.norm + 1e-6 * greatest
        #expect(abs(norm - expected.norm) < tolerance, "\(engine), the norm of \(name)")
        #expect(abs(probe - expected.probe) < tolerance, "\(engine), the probe of \(name)")
      }
    }
  }

  /// Every number of the file, against the libraries on another number of threads.
  @Test(arguments: engines)
  func everyNumberIsThatOfTheLibraries(engine: MatrixEngine) throws {
    let config = "sort-of-clevr-quick"
    let family = SortOfCLEVRFamily.self
    let model = try family.model(family.preset("quick").settings, data: nil)
    try prepare(config, model.layout)
    let output = try parity(config, to: "out", ["--engine", engine.rawValue, "--threads", "2"])
    let batch = try model.batch(from: try Safetensors(contentsOf: workspace.path("batch")))
    let pass = ForwardPass(
      Self.weights(model.layout), mode: .training(seed: 0, step: 1, replica: 0),
      context: try ComputeContext(threadCount: 1, engine: .openblas, precision: .fp32),
      dropsOut: false)
    let prediction = model.predict(batch, in: pass)
    let loss = model.loss(of: prediction, for: batch, in: pass)
    let gradient = pass.gradient(of: loss)
    #expect(distance(of: try output.tensor("logits"), from: prediction.logits.value) < 1e-5)
    #expect(
      distance(of: Double(try output.tensor("loss").item), from: Double(loss.value.item)) < 1e-5)
    for parameter in model.layout.parameters {
      let expected = gradient.window(from: parameter.offset, shape: parameter.shape)
      let found = try output.tensor("gradient.\(parameter.name)")
      #expect(distance(of: found, from: expected, by: .euclidean) < 1e-4, "\(parameter.name)")
    }
    let names = model.layout.parameters.map { "gradient.\($0.name)" } + ["logits", "loss"]
    #expect(Set(output.entries.map(\.name)) == Set(names))
  }

  @Test func threadsDoNotMatter() throws {
    let config = "sort-of-clevr-small"
    try prepare(config, try layout(of: config))
    for threads in ["1", "2"] { _ = try parity(config, to: threads, ["--threads", threads]) }
    #expect(
      FileManager.default.contentsEqual(atPath: workspace.path("1"), andPath: workspace.path("2")))
  }

  @Test func aRunIsHeldAgainstABatch() throws {
    let run = try Reference.short.get().run.path
    try prepare("sort-of-clevr-quick", try layout(of: "sort-of-clevr-quick"))
    let ended = try workspace.relate([
      "parity", "--weights", run, "--batch", "batch", "--out", "out",
    ]).requiringSuccess()
    let loss = try Safetensors(contentsOf: workspace.path("out")).finiteTensor("loss").item
    #expect(ended.output.hasPrefix("loss \(loss), wrote out"))
    expectRefusal(
      try workspace.relate([
        "parity", "--config", "babi", "--weights", run, "--batch", "batch", "--out", "other",
      ]), ["leave out --config"])
  }
}
