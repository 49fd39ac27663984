// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.reflect.InvocationTargetException;

/**
 * The module of the vector ciphers, added to the JVM while it runs. A JVM that has it from the
 * start ({@code --add-modules}) starts without most of the help of its archives: it resolves the
 * modules anew and ignores the profiles of methods.
 */
final class VectorModule {
  static final String NAME = "jdk.incubator.vector";

  /** The package that has to be exported to this module. */
  private static final String PACKAGE = "jdk.internal.module";

  private VectorModule() {}

  /**
   * Adds the module, unless the JVM has it.
   *
   * @throws UnsupportedOperationException if this JVM has no such module or does not let this add
   *     it
   */
  static void load() {
    if (ModuleLayer.boot().findModule(NAME).isPresent()) {
      return;
    }
    try {
      Class.forName(PACKAGE + ".Modules").getMethod("loadModule", String.class).invoke(null, NAME);
    } catch (InvocationTargetException e) {
      throw new UnsupportedOperationException(String.valueOf(e.getCause()), e);
    } catch (ReflectiveOperationException e) {
      throw new UnsupportedOperationException(
          "the JVM runs without --add-modules "
              + NAME
              + " and without --add-exports java.base/"
              + PACKAGE
              + "=ALL-UNNAMED",
          e);
    }
  }
}
