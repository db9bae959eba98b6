// The ParameterServer executable.

import ArgumentParser
import Launching

@main
enum Main {
  static func main() { ParameterServerCommand.main() }
}
