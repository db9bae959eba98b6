// The ParameterServer executable.

import Launching

@main
enum Main {
  static func main() { ParameterServerCommand.main() }
}
