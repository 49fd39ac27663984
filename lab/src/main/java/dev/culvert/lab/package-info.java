/**
 * The lab: nodes and pods in network namespaces on this machine, real traffic through the gateways
 * between them, and a capture of the wire that tells what was seen in clear. The namespaces and the
 * capture serve the integration tests too.
 */
@NullMarked
package dev.culvert.lab;

import org.jspecify.annotations.NullMarked;
