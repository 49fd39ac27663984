// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.routing.InterfaceName;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Refuses an argument that cannot be the name of a gateway's interface. */
class InterfaceNameConverter implements ITypeConverter<String> {
  @Override
  public String convert(String name) {
    try {
      return InterfaceName.check(name);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }

  /** Lets a configuration file pass too. */
  static final class OrFile extends InterfaceNameConverter {
    @Override
    public String convert(String nameOrFile) {
      return isFile(nameOrFile) ? nameOrFile : super.convert(nameOrFile);
    }

    static boolean isFile(String nameOrFile) {
      return nameOrFile.indexOf('/') >= 0
          || nameOrFile.endsWith(".yaml")
          || nameOrFile.endsWith(".yml")
          || nameOrFile.endsWith(".json")
          || nameOrFile.endsWith(".conf");
    }
  }
}
