// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.IgnoredSignals;
import java.lang.reflect.Proxy;

/**
 * A daemon's reaction to the signals to end or to read its file again. Java can handle SIGHUP only
 * through {@code sun.misc.Signal}. The compiler warns of each mention of that class, and the
 * warning cannot be accepted in one place only, so the class is looked up by its name at run time.
 */
public final class Signals {
  private Signals() {}

  /**
   * Runs {@code end} at SIGTERM and SIGINT, instead of ending at once. SIGINT stays ignored if the
   * parent ignored it, as a shell does for programs that it runs in the background.
   */
  public static void onEnd(Runnable end) {
    handle(unignored("TERM"), end);
    handle(signal("INT"), end);
  }

  /**
   * Runs {@code reload} at SIGHUP, even if nohup ignored the signal. Without a handler SIGHUP would
   * end the process.
   */
  static void onReload(Runnable reload) {
    handle(unignored("HUP"), reload);
  }

  private static Object signal(String name) {
    try {
      return Class.forName("sun.misc.Signal").getConstructor(String.class).newInstance(name);
    } catch (ReflectiveOperationException e) {
      throw missing(e);
    }
  }

  private static Object unignored(String name) {
    Object signal = signal(name);
    try {
      int number = (int) signal.getClass().getMethod("getNumber").invoke(signal);
      IgnoredSignals.heed(number);
    } catch (ReflectiveOperationException e) {
      throw missing(e);
    }
    return signal;
  }

  private static void handle(Object signal, Runnable action) {
    try {
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
      signal.getClass().getMethod("handle", signal.getClass(), handler).invoke(null, signal, proxy);
    } catch (ReflectiveOperationException e) {
      throw missing(e);
    }
  }

  private static IllegalStateException missing(ReflectiveOperationException e) {
    return new IllegalStateException("this JDK has no jdk.unsupported module", e);
  }
}
