/** What every part that runs for long needs: logs with a bound, threads whose death is told. */
@NullMarked
package dev.culvert.tunnel.runtime;

import org.jspecify.annotations.NullMarked;
