// Files to and from Python, and models to and from files.

import Files
import Foundation
import NeuralNetworks
import Tensors
import Testing

@Suite struct SafetensorsTests {
  @Test func readsEveryTypeOfPythons() throws {
    let file = try Golden.file("types")
    #expect(file.metadata == ["format": "pt", "note": "a \"quoted\"\n\u{fc}\u{2028}"])
    #expect(
      try file.tensor("float32")
        == Tensor([1.5, -2.25, 0x1p-127, .infinity, 0.1, -0.0], shape: [2, 3]))
    #expect(try file.tensor("float64") == Tensor([0.1, -.infinity, 2.5], shape: [3]))
    #expect(try file.tensor("float16") == Tensor([1.5, 65504, 0x1p-24], shape: [3]))
    #expect(try file.tensor("brain16").scalars[0] == 1.5)
    #expect(abs(try file.tensor("brain16").scalars[1] / -3e38 - 1) < 0.004)
    #expect(try file.integers("int64") == [.min, 7, .max])
    #expect(try file.integers("int32") == [-1 << 31, 1 << 31 - 1])
    #expect(try file.integers("int16") == [-300])
    #expect(try file.integers("int8") == [-128, 127])
    #expect(try file.integers("uint8") == [0, 255])
    #expect(file.entry("uint8")?.shape == [2, 1])
    #expect(try file.integers("bool") == [1, 0])
    #expect(try file.tensor("scalar") == Tensor(scalar: 4))
    #expect(try file.tensor("empty").shape == [0, 3])
    #expect(file.entries.count == 12)
  }

  @Test func asksForWhatIsNotThereAreErrors() throws {
    let file = try Golden.file("types")
    let missing = try #require(throws: SafetensorsError.self) { try file.tensor("weight") }
    #expect(missing.description.contains("tensor \"weight\": the file has no tensor"))
    let integers = try #require(throws: SafetensorsError.self) { try file.tensor("int64") }
    #expect(integers.reason == "it is of type I64, not floating point")
    #expect(throws: SafetensorsError.self) { try file.integers("float32") }
    let path = "/nowhere/weights.safetensors"
    let absent = try #require(throws: SafetensorsError.self) { try Safetensors(contentsOf: path) }
    #expect(absent.description.hasPrefix("\(path): cannot be read"))
  }

  private var exact: SafetensorsWriter {
    var writer = SafetensorsWriter(metadata: ["note": "a \"quoted\"\n\u{fc}\u{2028} \\ /"])
    writer.add("bytes", [1, 2, 255] as [UInt8])
    writer.add("naïve \"name\"\t\u{01}", Tensor(scalar: 2.5))
    writer.add("nothing", Tensor.zeros([0, 2]))
    writer.add("b.weight", Tensor([0, 0.25, 0.5, 0.75, 1, 1.25], shape: [2, 3]))
    writer.add("labels", [3, -4] as [Int32], shape: [1, 2])
    writer.add("step", [123_456_789_012] as [Int64])
    writer.add("a.bias", Tensor([-1.5], shape: [1]))
    return writer
  }

  @Test func writesPythonsBytes() throws {
    let expected = try Data(contentsOf: URL(fileURLWithPath: Golden.path("exact")))
    #expect(exact.encoded() == expected)
  }

  @Test func replacesOtherFilesAsAWhole() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("safetensors-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("weights.safetensors").path
    try Data("something else".utf8).write(to: URL(fileURLWithPath: path))
    try exact.write(to: path)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == exact.encoded())
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
    let elsewhere = folder.appendingPathComponent("missing/weights.safetensors").path
    let error = try #require(throws: FileError.self) { try exact.write(to: elsewhere) }
    #expect(error.description.contains("missing/weights.safetensors.partial: No such file"))
  }

  private var layout: ParameterLayout {
    var layout = ParameterLayout()
    _ = layout.addParameter("f.weight", [2, 3], .uniform(bound: 1))
    _ = layout.addParameter("f.bias", [2], .uniform(bound: 1))
    _ = layout.addStatistic("norm.running_mean", [4], .uniform(bound: 1))
    return layout
  }

  @Test(arguments: ["", "model."]) func modelsComeBack(prefix: String) throws {
    let vector = ParameterVector(initializing: layout, seed: 1)
    let moments = AdamMoments(
      first: vector.parameters, second: Tensor(repeating: 2, shape: vector.parameters.shape))
    var writer = SafetensorsWriter()
    writer.add(vector, prefix: prefix)
    writer.add("\(prefix)norm.num_batches_tracked", [5] as [Int64], shape: [])
    if !prefix.isEmpty { writer.add(moments, of: layout) }
    let file = try Safetensors(decoding: writer.encoded(), file: "weights")
    #expect(try ParameterVector(file, layout: layout, prefix: prefix) == vector)
    if !prefix.isEmpty { #expect(try AdamMoments(file, layout: layout) == moments) }
  }

  @Test(arguments: [
    (["f.weight", "norm.running_mean"], [2], "tensor \"f.bias\": the file has no tensor"),
    (["f.weight", "f.bias"], [2], "tensor \"norm.running_mean\": the file has no tensor"),
    (
      ["f.weight", "f.bias", "norm.running_mean", "g.bias"], [2],
      "tensor \"g.bias\": the model has no parameter"
    ),
    (
      ["f.weight", "f.bias", "norm.running_mean"], [1, 2],
      "tensor \"f.bias\": its shape is [1, 2], but the model's is [2]"
    ),
  ])
  func otherModelsAreNamed(names: [String], biasShape: [Int], sentence: String) throws {
    let shapes: [String: Shape] = [
      "f.weight": [2, 3], "f.bias": Shape(biasShape), "norm.running_mean": [4], "g.bias": [1],
    ]
    var writer = SafetensorsWriter()
    for name in names { writer.add(name, .zeros(shapes[name] ?? [])) }
    let file = try Safetensors(decoding: writer.encoded(), file: "weights.safetensors")
    let error = try #require(throws: SafetensorsError.self) {
      try ParameterVector(file, layout: layout)
    }
    #expect(error.description.hasPrefix("weights.safetensors: " + sentence), "\(error)")
  }
}
