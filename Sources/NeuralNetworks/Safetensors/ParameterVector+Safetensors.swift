// A model's numbers, to and from a file, by the names that PyTorch gives them.

import Files
import Tensors

extension SafetensorsWriter {
  /// Adds every parameter and statistic of a vector, under its name after `prefix`.
  public mutating func add(_ vector: ParameterVector, prefix: String = "") {
    for parameter in vector.layout.parameters {
      add(prefix + parameter.name, vector.value(of: parameter))
    }
    for statistic in vector.layout.statistics {
      add(prefix + statistic.name, vector.statistic(statistic))
    }
  }

  /// Adds Adam's moments of every parameter, as `prefix.first.<name>` and `prefix.second.<name>`.
  public mutating func add(
    _ moments: AdamMoments, of layout: ParameterLayout, prefix: String = "adam"
  ) {
    for parameter in layout.parameters {
      add(
        "\(prefix).first.\(parameter.name)",
        moments.first.window(from: parameter.offset, shape: parameter.shape))
      add(
        "\(prefix).second.\(parameter.name)",
        moments.second.window(from: parameter.offset, shape: parameter.shape))
    }
  }
}

extension ParameterVector {
  /// The numbers of a model from a file: every tensor whose name begins with `prefix`, by name.
  ///
  /// Throws a `SafetensorsError` naming the tensor that is missing, has another shape or a number
  /// that is not finite, or is not the model's. PyTorch's counts of batches
  /// (`num_batches_tracked`) are passed over.
  public init(
    _ file: Safetensors, layout: ParameterLayout, prefix: String = ""
  ) throws(SafetensorsError) {
    let known = Set(layout.entries.map { prefix + $0.name })
    for entry in file.entries
    where entry.name.hasPrefix(prefix) && !known.contains(entry.name)
      && !entry.name.hasSuffix("num_batches_tracked")
    {
      throw SafetensorsError(
        file: file.file, tensor: entry.name, "the model has no parameter of this name")
    }
    self.init(
      layout: layout,
      parameters: try file.flat(
        layout.parameters, count: layout.parameterCount, prefix: prefix),
      statistics: try file.flat(
        layout.statistics, count: layout.statisticCount, prefix: prefix))
  }
}

extension AdamMoments {
  /// The moments of a model from a file that `SafetensorsWriter.add(_:of:prefix:)` wrote.
  public init(
    _ file: Safetensors, layout: ParameterLayout, prefix: String = "adam"
  ) throws(SafetensorsError) {
    self.init(
      first: try file.flat(
        layout.parameters, count: layout.parameterCount, prefix: "\(prefix).first."),
      second: try file.flat(
        layout.parameters, count: layout.parameterCount, prefix: "\(prefix).second."))
  }
}

extension Safetensors {
  /// The tensors of a segment's entries, side by side in one vector.
  fileprivate func flat(
    _ segment: [some LayoutEntry], count: Int, prefix: String
  ) throws(SafetensorsError) -> Tensor {
    var flat = Tensor.zeros([count])
    for entry in segment {
      let name = prefix + entry.name
      let value = try finiteTensor(name)
      if value.shape != entry.shape {
        throw SafetensorsError(
          file: file, tensor: name,
          "its shape is \(value.shape), but the model's is \(entry.shape)")
      }
      flat.withMutableScalars { flat in
        value.withScalars { source in
          _ = UnsafeMutableBufferPointer(rebasing: flat[entry.range]).update(from: source)
        }
      }
    }
    return flat
  }
}
