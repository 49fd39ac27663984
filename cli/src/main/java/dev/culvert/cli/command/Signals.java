package dev.culvert.cli.command;

import java.lang.reflect.Proxy;

/**
 * What a daemon does when it is told to end or to read its file again. Java's only way to handle
 * SIGHUP is {@code sun.misc.Signal}, which the compiler warns of wherever it is named, with no way
 * to accept that in one place: so it is named at run time.
 */
final class Signals {
  private Signals() {}

  /** Runs {@code end} at SIGTERM and SIGINT, instead of ending at once. */
  static void onEnd(Runnable end) {
    handle("TERM", end);
    handle("INT", end);
  }

  /** Runs {@code reload} at SIGHUP, which would end the process otherwise. */
  static void onReload(Runnable reload) {
    handle("HUP", reload);
  }

  private static void handle(String name, Runnable action) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object proxy =
          Proxy.newProxyInstance(
              handler.getClassLoader(),
              new Class<?>[] {handler},
              (self, method, arguments) -> {
                if (method.getDeclaringClass() == Object.class) {
                  return method.invoke(action, arguments);
                }
                action.run();
                return null;
              });
      signal
          .getMethod("handle", signal, handler)
          .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this JDK has no jdk.unsupported module", e);
    }
  }
}
