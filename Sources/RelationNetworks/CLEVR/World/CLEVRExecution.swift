// Programs of CLEVR, run on scenes.

extension CLEVR {
  /// Why a program has no answer.
  public struct ProgramError: Error, CustomStringConvertible, Hashable, Sendable {
    /// What is wrong with which step, counted from 0 as files do, without a full stop.
    public let description: String

    init(_ step: Int, _ function: Function, _ problem: String) {
      description = "step \(step) of the program, \(function.name), \(problem)"
    }

    init(_ problem: String) { description = problem }
  }

  /// What a step of a program comes to.
  public enum Result: Hashable, Sendable {
    case objects(Objects)
    case object(Int)
    case number(Int)
    case truth(Bool)
    case value(AttributeValue)

    /// The same as the answer to a question; `nil` if objects are no answer.
    var answer: Answer? {
      switch self {
      case .objects, .object: nil
      case .number(let number): .number(number)
      case .truth(let isTrue): .truth(isTrue)
      case .value(let value): .value(value)
      }
    }
  }
}

extension CLEVR.Scene {
  /// The objects that have a value.
  public func objects(_ value: CLEVR.AttributeValue) -> CLEVR.Objects {
    objects.indices.reduce(into: CLEVR.Objects()) { having, index in
      if objects[index][value.attribute] == value { having.insert(CLEVR.Objects(index)) }
    }
  }
}

extension CLEVR.Program {
  /// The answer that it gives on a scene.
  ///
  /// Throws if a step has not its inputs, or inputs that it cannot take: there is not one object
  /// where the program says that there is, say.
  public func answer(in scene: CLEVR.Scene) throws(CLEVR.ProgramError) -> CLEVR.Answer {
    guard let last = try results(in: scene).last else {
      throw CLEVR.ProgramError("the program has no steps")
    }
    guard let answer = last.answer else {
      throw CLEVR.ProgramError(
        steps.count - 1, steps[steps.count - 1].function, "comes last but gives objects")
    }
    return answer
  }

  /// What each step comes to on a scene.
  ///
  /// Throws as `answer` does.
  public func results(in scene: CLEVR.Scene) throws(CLEVR.ProgramError) -> [CLEVR.Result] {
    var results: [CLEVR.Result] = []
    results.reserveCapacity(steps.count)
    for (number, step) in steps.enumerated() {
      try check(step, number)
      let first = step.inputs.first.map { results[$0] }
      let second = step.inputs.count > 1 ? results[step.inputs[1]] : nil
      guard let result = step.function.result(first, second, in: scene) else {
        if case .unique = step.function, case .objects(let objects) = first {
          throw CLEVR.ProgramError(number, step.function, "is given \(objects.count) objects")
        }
        throw CLEVR.ProgramError(number, step.function, "is given what it cannot be applied to")
      }
      results.append(result)
    }
    return results
  }

  private func check(_ step: Step, _ number: Int) throws(CLEVR.ProgramError) {
    guard step.inputs.count == step.function.inputCount else {
      throw CLEVR.ProgramError(
        number, step.function,
        "has \(step.inputs.count) inputs instead of \(step.function.inputCount)")
    }
    for input in step.inputs where !(0..<number).contains(input) {
      throw CLEVR.ProgramError(number, step.function, "reads step \(input), which is not before it")
    }
  }
}

extension CLEVR.Function {
  /// The result of the function; `nil` if the inputs are not what it takes.
  fileprivate func result(
    _ first: CLEVR.Result?, _ second: CLEVR.Result?, in scene: CLEVR.Scene
  ) -> CLEVR.Result? {
    switch (self, first, second) {
    case (.scene, nil, nil): .objects(scene.all)
    case (.unique, .objects(let objects), nil): objects.only.map { .object($0) }
    case (.filter(let value), .objects(let objects), nil):
      .objects(objects.intersection(scene.objects(value)))
    case (.relate(let direction), .object(let object), nil):
      .objects(scene.objects(direction, of: object))
    case (.same(let attribute), .object(let object), nil):
      .objects(scene.objects(scene.objects[object][attribute]).subtracting(CLEVR.Objects(object)))
    case (.intersect, .objects(let a), .objects(let b)): .objects(a.intersection(b))
    case (.union, .objects(let a), .objects(let b)): .objects(a.union(b))
    case (.count, .objects(let objects), nil): .number(objects.count)
    case (.exist, .objects(let objects), nil): .truth(!objects.isEmpty)
    case (.query(let attribute), .object(let object), nil):
      .value(scene.objects[object][attribute])
    case (.equal(let attribute), .value(let a), .value(let b))
    where a.attribute == attribute && b.attribute == attribute: .truth(a == b)
    case (.equalInteger, .number(let a), .number(let b)): .truth(a == b)
    case (.lessThan, .number(let a), .number(let b)): .truth(a < b)
    case (.greaterThan, .number(let a), .number(let b)): .truth(a > b)
    default: nil
    }
  }
}
