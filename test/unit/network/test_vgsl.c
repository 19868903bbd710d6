/*
 * test_vgsl.c
 *	  Network descriptions: what is understood, what is refused and how, shapes, tensors, first values.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/network/vgsl.h"

#define KERAS "[1,64,256,1 Cr3,3,32 Mp2,2 Bn Cr3,3,64 Mp2,2 Bn Cr3,3,128 Mp2,2 Bn S1(2x4)2,3 " \
	"Fr64 Lbx256 Do0.25 Lbx256 Do0.25"

static HwrNet net;
static HwrNet other;

static void
parse(const char *spec, int classes)
{
	HwrStatus	st = {0};

	if (!hwr_vgsl_parse(spec, classes, &net, &st))
		fail_msg("%s: %s %s", spec, st.message, st.detail);
}

static void
test_keras(void **state)
{
	HwrShape	shapes[HWR_MAX_LAYERS];
	HwrStatus	st;

	(void) state;
	parse(KERAS, 79);
	assert_int_equal(net.nvalues, 2399247);
	assert_int_equal(net.nlayers, 16);
	assert_int_equal(net.classes, 79);
	assert_int_equal(hwr_net_steps(&net, 256), 64);
	assert_string_equal(net.vgsl, KERAS " O1c79]");
	assert_true(hwr_net_shapes(&net, 256, shapes, &st));
	assert_int_equal(shapes[8].h, 8);
	assert_int_equal(shapes[8].w, 32);
	assert_int_equal(shapes[8].c, 128);
	assert_int_equal(shapes[9].h, 1);
	assert_int_equal(shapes[9].w, 64);
	assert_int_equal(shapes[9].c, 512);
	assert_int_equal(shapes[15].c, 79);

	/* by hand, layer by layer */
	assert_true(hwr_net_macs(&net, 256) ==
				64. * 256 * 9 * 32 + 32. * 128 * 32 +
				32. * 128 * 9 * 32 * 64 + 16. * 64 * 64 +
				16. * 64 * 9 * 64 * 128 + 8. * 32 * 128 +
				64. * 512 * 64 + 64. * 2 * 1024 * (64 + 256) + 64. * 2 * 1024 * (512 + 256) + 64. * 512 * 79);
}

static void
test_tensors(void **state)
{
	static const char *const names[] = {
		"0.conv.kernel", "0.conv.bias", "2.norm.gamma", "2.norm.beta", "2.norm.mean", "2.norm.variance",
		"4.dense.kernel", "4.dense.bias",
		"5.lstm.forward.kernel", "5.lstm.forward.recurrent", "5.lstm.forward.bias",
		"5.lstm.reverse.kernel", "5.lstm.reverse.recurrent", "5.lstm.reverse.bias",
		"6.output.kernel", "6.output.bias",
	};
	size_t		offset = 0;

	(void) state;
	parse("[1,16,0,1 Cr3,5,7 Mp2,2 Bn S1(1x0)1,3 Ft11 Lbx13 O1c5]", 0);
	assert_int_equal(net.ntensors, 16);
	for (int i = 0; i < net.ntensors; i++)
	{
		const HwrTensor *t = &net.tensors[i];
		const char *part = strrchr(t->name, '.') + 1;
		size_t		count = 1;

		assert_string_equal(t->name, names[i]);
		assert_int_equal(t->offset, offset);
		for (int j = 0; j < t->ndim; j++)
			count *= (size_t) t->shape[j];
		assert_int_equal(t->count, count);
		assert_int_equal(t->trainable, strcmp(part, "mean") != 0 && strcmp(part, "variance") != 0);
		assert_int_equal(t->decay, strcmp(part, "kernel") == 0 || strcmp(part, "recurrent") == 0);
		offset += count;
	}
	assert_int_equal(net.nvalues, offset);
	assert_memory_equal(net.tensors[0].shape, ((int[4]) {3, 5, 1, 7}), sizeof(int[4]));
	assert_memory_equal(net.tensors[6].shape, ((int[4]) {56, 11, 0, 0}), sizeof(int[4]));
	assert_memory_equal(net.tensors[8].shape, ((int[4]) {11, 52, 0, 0}), sizeof(int[4]));
	assert_memory_equal(net.tensors[9].shape, ((int[4]) {13, 52, 0, 0}), sizeof(int[4]));
	assert_memory_equal(net.tensors[14].shape, ((int[4]) {26, 5, 0, 0}), sizeof(int[4]));
	for (int i = 0, next = 0; i < net.nlayers; next += net.layers[i++].ntensors)
		assert_int_equal(net.layers[i].first_tensor, next);
}

/* Spellings and the one they come out as, which parses to the same network. */
static void
test_canonical(void **state)
{
	static const char *const cases[][2] = {
		{"[1,16,0,1S1(1x0)1,3O1c5]", "[1,16,0,1 S1(1x16)1,3 O1c5]"},
		{" [1, 16, 32, 1\n\tS1(1x16)2,3  O1c 5 ] ", "[1,16,32,1 S1(1x16)1,3 O1c5]"},
		{"[1,16,0,1 S1(4x0)2,3 O1c5]", "[1,16,0,1 S1(4x4)2,3 O1c5]"},
		{"[1,16,0,1 S1(16x1)2,3 O1c5]", "[1,16,0,1 S1(16x1)2,3 O1c5]"},
		{"[1,16,0,1 Cl3,3,4 Cr3,3,4 Ct1,5,4,2,1 Cs3,3,4,1,1 S1(1x0)1,3 O1c5",
		"[1,16,0,1 Cl3,3,4 Cr3,3,4 Ct1,5,4,2,1 Cs3,3,4 S1(1x8)1,3 O1c5]"},
		{"[1,16,0,1 Mp 2,2 Mp2,2,2,2 Mp2,2,1,2 S1(1x0)1,3 O1c5", "[1,16,0,1 Mp2,2 Mp2,2 Mp2,2,1,2 S1(1x3)1,3 O1c5]"},
		{"[1,16,0,1 S1(1x0)1,3 Do Do.5 Do 0.25 Do0 Do0.1250 Do0.000001 O1c5",
		"[1,16,0,1 S1(1x16)1,3 Do0.5 Do0.5 Do0.25 Do0 Do0.125 Do0.000001 O1c5]"},
		{"[1,16,0,1 Lfys4 Lfx2 Lrx2 Lbx2 Lbxs2 O1c5]", "[1,16,0,1 Lfys4 Lfx2 Lrx2 Lbx2 Lbxs2 O1c5]"},
		{"[1,16,0,1 Cr3,3,4,1,1,1,1 Cr3,3,4,2,1,1,1 Cm4,3,4,1,1,1,1 Clr3,3,4,1,1,2,3 S1(1x0)1,3 O1c5",
		"[1,16,0,1 Cr3,3,4 Cr3,3,4,2,1,1,1 Cm4,3,4,1,1,1,1 Clr3,3,4,1,1,2,3 S1(1x7)1,3 O1c5]"},
		{"[1,16,0,1 Gn1 Cl3,3,4 Gn 4 S1(2x0)1,3 S1(2x1)2,3 Flr3 Do.1,2 Do,2 O1c5]",
		"[1,16,0,1 Gn1 Cl3,3,4 Gn4 S1(2x8)1,3 S1(2x1)2,3 Flr3 Do0.1,2 Do0.5,2 O1c5]"},
		{"[1,16,0,1 ( Cr3,3,4 [Cr3,3,4Cl3,3,4] [ I ] )A3, 3 S1(1x0)1,3 O1c5]", "[1,16,0,1 (Cr3,3,4 [Cr3,3,4 Cl3,3,4] I) A3,3 "
		 "S1(1x16)1,3 O1c5]"},
		{"[1,16,0,1 ([(Cr3,3,4 ([Cr3,3,2 I] [Cr3,3,1])) Do] ([(I{x})])) A{y}3,2 S1(1x0)1,3 O1c5]",
		"[1,16,0,1 ([(Cr3,3,4 ([Cr3,3,2 I] Cr3,3,1)) Do0.5] ([(I)])) A3,2 S1(1x16)1,3 O1c5]"},
		{"[1,16,0,1 Lbye4 Lfxe3 O1c5]", "[1,16,0,1 Lbye4 Lfxs3 O1c5]"},
		{"[1,16,0,1 Lby2 S1(1x0)1,3 Fl3 Fr3 Ft3 Fs3 Fm3 O1c5]", "[1,16,0,1 Lby2 S1(1x16)1,3 Fl3 Fr3 Ft3 Fs3 Fm3 O1c5]"},
	};
	HwrStatus	st;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		parse(cases[i][0], 0);
		assert_string_equal(net.vgsl, cases[i][1]);
		assert_true(hwr_vgsl_parse(net.vgsl, 0, &other, &st));
		assert_string_equal(other.vgsl, net.vgsl);
		assert_int_equal(other.nvalues, net.nvalues);
		assert_int_equal(other.nlayers, net.nlayers);
		for (int j = 0; j < net.nlayers; j++)
		{
			assert_int_equal(other.layers[j].kind, net.layers[j].kind);
			assert_memory_equal(&other.layers[j].out, &net.layers[j].out, sizeof(HwrShape));
		}
	}
}

static void
test_classes(void **state)
{
	HwrStatus	st;

	(void) state;
	parse("[1,16,0,1 S1(1x0)1,3", 7);
	assert_int_equal(net.classes, 7);
	assert_string_equal(net.vgsl, "[1,16,0,1 S1(1x16)1,3 O1c7]");
	parse("[1,16,0,1 S1(1x0)1,3 ]", 7);
	parse("[1,16,0,1 S1(1x0)1,3 O1c7]", 7);
	assert_false(hwr_vgsl_parse("[1,16,0,1 S1(1x0)1,3 O1c7]", 8, &net, &st));
	assert_int_equal(st.code, HWR_BAD_ARCHITECTURE);
	assert_string_equal(st.detail, "The output layer has 7 classes, but the alphabet and the blank need 8.");
	assert_false(hwr_vgsl_parse("[1,16,0,1 S1(1x0)1,3]", 1, &net, &st));
	assert_false(hwr_vgsl_parse("[1,16,0,1 S1(1x0)1,3]", -3, &net, &st));
	assert_false(hwr_vgsl_parse("[1,16,0,1 S1(1x0)1,3]", 70000, &net, &st));
}

static void
test_errors(void **state)
{
	static const char *const cases[][2] = {
		{"", "Expected \"[\" at position 1, at the end of the string."},
		{"Cr3,3,32", "Expected \"[\" at position 1, near \"Cr3,3,32\"."},
		{"[1,64,256,1 Cr3,x,32 Mp2,2]", "Expected a number at position 17, near \"Cr3,x,32\"."},
		{"[1,64,256,1 Cr3,3", "Expected \",\" at position 18, near \"Cr3,3\"."},
		{"[2,64,256,1", "The batch size must be between 1 and 1 at position 2, near \"[2,64,256,1\"."},
		{"[1,4,256,1", "The height must be between 8 and 512 at position 4, near \"[1,4,256,1\"."},
		{"[1,513,256,1", "The height must be between 8 and 512 at position 4, near \"[1,513,256,1\"."},
		{"[1,64,7,1", "The width must be 0 or between 8 and 4096 at position 7, near \"[1,64,7,1\"."},
		{"[1,64,4097,1", "The width must be between 0 and 4096 at position 7, near \"[1,64,4097,1\"."},
		{"[1,64,99999999999999999999999,1", "The width must be between 0 and 4096 at position 7, near "
											"\"[1,64,99999999999999999999999,1\"."},
		{"[1,64,256,3", "The depth must be between 1 and 1 at position 11, near \"[1,64,256,3\"."},
		{"[1,64,-5,1", "Expected a number at position 7, near \"[1,64,-5,1\"."},
		{"[1,64,256,1 X3", "Expected an item (C, Mp, Bn, Gn, S1, L, A3, I, F, Do, O1c, O2l, \"(\" or \"]\") "
						   "at position 13, near \"X3\"."},
		{"[1,64,256,1 C3,3,4", "Expected an activation (r, t, s, l, m or lr) at position 14, near \"C3,3,4\"."},
		{"[1,64,256,1 Mp17,16", "The pool window has more than 256 places at position 13, near \"Mp17,16\"."},
		{"[1,64,256,1 Cr0,3,4", "The window height must be between 1 and 64 at position 15, near \"Cr0,3,4\"."},
		{"[1,64,256,1 Cr3,3,4,0,1", "The stride must be between 1 and 64 at position 21, near \"Cr3,3,4,0,1\"."},
		{"[1,64,256,1 Cr3,3,4097", "The number of outputs must be between 1 and 4096 at position 19, near \"Cr3,3,4097\"."},
		{"[1,64,256,1 Max2,2", "Expected \"p\" at position 14, near \"Max2,2\"."},
		{"[1,64,256,1 Mp2,2 Mp40,2", "The item does not fit a map of height 32, width 128 and depth 1 "
		"(the pool window is taller than the map) at position 19, near \"Mp40,2\"."},
		{"[1,8,0,1 Mp9,2", "The item does not fit a map of height 8, width 0 and depth 1 "
		"(the pool window is taller than the map) at position 10, near \"Mp9,2\"."},
		{"[1,64,8,1 Mp2,9", "The item does not fit a map of height 64, width 8 and depth 1 "
		"(the pool window is wider than the map) at position 11, near \"Mp2,9\"."},
		{"[1,64,256,1 S1(3x5)2,3", "The item does not fit a map of height 64, width 256 and depth 1 "
		"(the split does not multiply to its height) at position 13, near \"S1(3x5)2,3\"."},
		{"[1,64,256,1 S1(3x0)2,3", "The item does not fit a map of height 64, width 256 and depth 1 "
		"(the split does not multiply to its height) at position 13, near \"S1(3x0)2,3\"."},
		{"[1,64,256,1 S1(0x64)2,3", "The split must be between 1 and 512 at position 16, near \"S1(0x64)2,3\"."},
		{"[1,64,256,1 S1(2x32)3,3", "The first target of a reshape must be between 1 and 2 at position 21, near "
									"\"S1(2x32)3,3\"."},
		{"[1,64,256,1 S1(2x32)1,3 O1c9]", "The map has height 2 at the output layer, which needs height 1."},
		{"[1,64,256,1 S2(1x0)1,3", "Expected \"1\" at position 14, near \"S2(1x0)1,3\"."},
		{"[1,64,256,1 Lqx8", "Expected a direction (f, r or b) at position 14, near \"Lqx8\"."},
		{"[1,64,256,1 Lfz8", "Expected an axis (x or y) at position 15, near \"Lfz8\"."},
		{"[1,64,256,1 Lfx0", "The number of units must be between 1 and 4096 at position 16, near \"Lfx0\"."},
		{"[1,64,256,1 Do1", "The dropout probability must be at least 0 and less than 1 at position 15, near \"Do1\"."},
		{"[1,64,256,1 Do.", "Expected a number at position 15, near \"Do.\"."},
		{"[1,64,256,1 Do0.1234567", "The dropout probability has more than six decimals at position 15, near \"Do0.1234567\"."},
		{"[1,64,256,1 Do1e-8", "The dropout probability has more than six decimals at position 15, near \"Do1e-8\"."},
		{"[1,64,256,1 Do10e-1", "The dropout probability must be at least 0 and less than 1 at position 15, near \"Do10e-1\"."},
		{"[1,64,256,1 Do9999999999999999999999", "The dropout probability must be at least 0 and less than 1 at position 15, "
												 "near \"Do9999999999999999999999\"."},
		{"[1,64,256,1 Do0.1,3", "The number of dimensions must be between 1 and 2 at position 19, near \"Do0.1,3\"."},
		{"[1,64,256,1 Gn2", "The item does not fit a map of height 64, width 256 and depth 1 "
		"(the groups do not divide its depth) at position 13, near \"Gn2\"."},
		{"[1,64,256,1 Gn0", "The number of groups must be between 1 and 4096 at position 15, near \"Gn0\"."},
		{"[1,64,256,1 Cr3,3,4,1,1,0,1", "The dilation must be between 1 and 64 at position 25, near \"Cr3,3,4,1,1,0,1\"."},
		{"[1,8,256,1 Cr3,3,4,1,1,2", "Expected \",\" at position 25, near \"Cr3,3,4,1,1,2\"."},
		{"[1,64,8,1 Mp64,1 Cr2,3,4,1,1,3,1", "The item does not fit a map of height 1, width 8 and depth 1 "
		"(the window is taller than the map) at position 18, near \"Cr2,3,4,1,1,3,1\"."},
		{"[1,64,256,1 (Cr3,3,4 ", "Expected an item (C, Mp, Bn, Gn, S1, L, A3, I, F, Do, O1c, O2l, \"(\" or \"]\") "
								  "at position 22, at the end of the string."},
		{"[1,64,256,1 (Cr3,3,4 [I", "Expected an item (C, Mp, Bn, Gn, S1, L, A3, I, F, Do, O1c, O2l, \"(\" or \"]\") "
									"at position 24, at the end of the string."},
		{"[1,64,256,1 ()", "Expected a branch before \")\" at position 14, near \")\"."},
		{"[1,64,256,1 (I []", "Expected an item before \"]\" at position 17, near \"]\"."},
		{"[1,64,256,1 (I I))", "Expected an item (C, Mp, Bn, Gn, S1, L, A3, I, F, Do, O1c, O2l, \"(\" or \"]\") "
							   "at position 18, near \")\"."},
		{"[1,64,256,1 [I I]", "Expected an item (C, Mp, Bn, Gn, S1, L, A3, I, F, Do, O1c, O2l, \"(\" or \"]\") "
							  "at position 13, near \"[I\"."},
		{"[1,64,256,1 (I Mp2,2)", "The block does not fit (its branches give maps of different size) at position 13, near "
								  "\"(I\"."},
		{"[1,64,256,1 (I I I I I I I I I)", "More than 8 branches at position 30, near \"I)\"."},
		{"[1,64,256,1 (((((I)))))", "More than 4 blocks within blocks at position 17, near \"(I)))))\"."},
		{"[1,64,256,1 (S1(1x0)1,3 O1c9)", "The output layer stands in a block at position 25, near \"O1c9)\"."},
		{"[1,64,256,1 Cr3,3,4 A3,3", "The item does not fit a map of height 64, width 256 and depth 4 "
		"(the chunks do not divide its depth) at position 21, near \"A3,3\"."},
		{"[1,64,256,1 A1,3", "The axis of an addition must be between 3 and 3 at position 14, near \"A1,3\"."},
		{"[1,64,256,1 Cr{C_0", "Expected \"}\" after the name of the item at position 15, near \"Cr{C_0\"."},
		{"[1,64,256,1 S1(1x0)1,3 O1s9]", "Expected \"c\" at position 26, near \"O1s9]\"."},
		{"[1,64,256,1 S1(1x0)1,3 O1c1]", "The number of classes must be between 2 and 65536 at position 27, near \"O1c1]\"."},
		{"[1,64,256,1 S1(1x0)1,3 O1c9 Bn]", "Expected \"]\" after the output layer at position 29, near \"Bn]\"."},
		{"[1,64,256,1 S1(1x0)1,3 O1c9] no", "Unexpected text after \"]\" at position 30, near \"] no\"."},
		{"[1,64,256,1 S1(1x0)1,3]", "Expected an output layer (O1c and the number of classes) at position 24, at the end of the "
									"string."},
		{"[1,64,256,1 O1c9]", "The map has height 64 at the output layer, which needs height 1."},
		{"[1,64,256,1 \xc3\xa4", "Expected an item (C, Mp, Bn, Gn, S1, L, A3, I, F, Do, O1c, O2l, \"(\" or \"]\") "
								 "at position 13, near \"??\"."},
		{"[1,512,4096,1 Cr3,3,33", "The item does not fit a map of height 512, width 4096 and depth 1 "
		"(its output is too large) at position 15, near \"Cr3,3,33\"."},
		{"[1,512,0,1 Cr3,3,4096 S1(512x1)2,3 Fr4096 O1c9]", NULL},	/* too large at full width */
		{"[1,16,8,1 Cr64,64,4096 Cr64,64,4096 S1(1x0)1,3 O1c9]", "The network has more than 200000000 values."},
		{"[1,8,8,1 S1(1x8)1,3 Lbx4096 Lbx4096 O1c9]", "The network has more than 200000000 values."},
	};
	HwrStatus	st;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		memset(&st, 0, sizeof(st));
		assert_false(hwr_vgsl_parse(cases[i][0], 0, &net, &st));
		assert_int_equal(st.code, HWR_BAD_ARCHITECTURE);
		if (cases[i][1] == NULL)
			continue;
		assert_string_equal(st.detail, cases[i][1]);
		assert_string_equal(st.message, "invalid network architecture");
	}
}

/* What kraken writes differently. */
static void
test_kraken(void **state)
{
	char		plain[sizeof(net.vgsl)];

	(void) state;
	parse("[1,48,0,1 Cr4,2,32,4,2 Bn Mp2,2 S1(1x0)1,3 Lbx64 Do0.001 Lfx32 Fr8 Do0.1 Do0.5 O1c9]", 9);
	strcpy(plain, net.vgsl);
	parse("[1,48,0,1 Cr{C_0}4,2,32,4,2 Bn{B_1} Mp{Mp_2}2,2 S{S_3}1(1x0)1,3 Lbx{L_4}64 Do{Do_5}1e-3 Lfx{L_6}32 Fr{}8 Do0.1,1 "
		  "Do{x} O{O_9}1c9]", 9);
	assert_string_equal(net.vgsl, plain);
}

/* What only the CPU computes has a name. */
static void
test_cpu_only(void **state)
{
	static const char *const cases[][2] = {
		{"Gn1", "group normalisation"}, {"Cr3,3,4,2,2,1,1", "a convolution with padding as in PyTorch"},
		{"Cr3,3,4,1,1,2,1", "a convolution with dilation"}, {"Cm3,3,4", "a convolution with a softmax"},
		{"Clr3,3,4", "a leaky ReLU"}, {"Flr4", "a leaky ReLU"}, {"Lbxe4", "an LSTM that keeps the end of its axis"},
		{"S1(2x8)1,3", "a reshape that leaves a height"}, {"Do0.5,2", "dropout of whole channels"},
		{"Cr3,3,4,2,2", NULL}, {"Bn", NULL}, {"Lbxs4", NULL}, {"Fm4", NULL}, {"Do0.5", NULL}, {"S1(1x16)1,3", NULL},
	};
	char		spec[128];

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		snprintf(spec, sizeof(spec), "[1,16,0,1 %s Lfys2 O1c5]", cases[i][0]);
		parse(spec, 0);
		if (cases[i][1] != NULL)
			assert_string_equal(hwr_layer_cpu_only(&net.layers[0], true), cases[i][1]);
		else
			assert_null(hwr_layer_cpu_only(&net.layers[0], true));
	}
	parse("[1,16,0,1 Do0.5,2 Lfys2 O1c5]", 0);
	assert_null(hwr_layer_cpu_only(&net.layers[0], false));
}

/* Too many items, tensors, characters. */
static void
test_sizes(void **state)
{
	char		spec[2048];
	HwrStatus	st;

	(void) state;
	strcpy(spec, "[1,16,0,1 S1(1x0)1,3");
	for (int i = 0; i < 62; i++)
		strcat(spec, " Do");
	parse(spec, 5);
	assert_int_equal(net.nlayers, HWR_MAX_LAYERS);
	strcat(spec, " Do");
	assert_false(hwr_vgsl_parse(spec, 5, &net, &st));
	strcat(spec, " Do");
	assert_false(hwr_vgsl_parse(spec, 5, &net, &st));
	assert_non_null(strstr(st.detail, "More than 64 items"));

	strcpy(spec, "[1,16,0,1 S1(1x0)1,3");
	for (int i = 0; i < 50; i++)
		strcat(spec, " Lbx1");
	assert_false(hwr_vgsl_parse(spec, 5, &net, &st));
	assert_string_equal(st.detail, "The network has more than 256 tensors.");

	memset(spec, ' ', sizeof(spec) - 1);	/* blanks do not count */
	spec[sizeof(spec) - 1] = '\0';
	memcpy(spec, "[1,16,0,1", 9);
	memcpy(spec + sizeof(spec) - 20, "S1(1x0)1,3 O1c5]", 16);
	parse(spec, 0);

	strcpy(spec, "[1,512,0,1 S1(1x512)1,3");
	for (int i = 0; i < 62; i++)
		strcat(spec, " Cr1,1,1000,64,64");
	assert_false(hwr_vgsl_parse(spec, 5, &net, &st));
	assert_string_equal(st.detail, "The description is longer than 1023 characters.");
}

static void
check_shape(HwrShape shape, int h, int w, int c)
{
	assert_int_equal(shape.h, h);
	assert_int_equal(shape.w, w);
	assert_int_equal(shape.c, c);
}

static void
test_shapes(void **state)
{
	HwrShape	s[HWR_MAX_LAYERS];
	HwrStatus	st;

	(void) state;
	parse("[1,17,0,1 Cr3,3,4,2,3 Mp3,2,2,1 Lby5 Lfys6 Bn Ft7 Lbxs2 O1c5]", 0);
	check_shape(net.layers[0].out, 9, 0, 4);
	check_shape(net.layers[5].out, 1, 0, 7);
	check_shape(net.layers[6].out, 1, 1, 4);
	assert_true(hwr_net_shapes(&net, 31, s, &st));
	check_shape(s[0], 9, 11, 4);
	check_shape(s[1], 4, 10, 4);
	check_shape(s[2], 4, 10, 10);
	check_shape(s[3], 1, 10, 6);
	check_shape(s[4], 1, 10, 6);
	check_shape(s[5], 1, 10, 7);
	check_shape(s[6], 1, 1, 4);
	check_shape(s[7], 1, 1, 5);
	assert_int_equal(hwr_net_steps(&net, 31), 1);

	parse("[1,16,0,1 Mp2,2 Mp2,2 S1(2x2)2,3 O1c5]", 0);
	assert_int_equal(hwr_net_steps(&net, 35), 16);
	assert_int_equal(hwr_net_steps(&net, 4), 2);
	assert_int_equal(hwr_net_steps(&net, 3), 0);
	assert_int_equal(hwr_net_steps(&net, 0), 0);
	assert_int_equal(hwr_net_steps(&net, -1), 0);
	assert_int_equal(hwr_net_steps(&net, 4096), 2048);
	assert_int_equal(hwr_net_steps(&net, 1 << 30), 0);
	assert_false(hwr_net_shapes(&net, 3, s, &st));
	assert_non_null(strstr(st.detail, "wider than the map"));
	assert_true(hwr_net_macs(&net, 3) == 0);

	/* a window as large as the map leaves one place */
	parse("[1,16,8,1 Mp16,8 O1c5]", 0);
	check_shape(net.layers[0].out, 1, 1, 1);
}

static void
test_set_dropout(void **state)
{
	HwrStatus	st;

	(void) state;
	parse("[1,16,0,1 Do0.5 S1(1x16)1,3 Do Do0 O1c5]", 0);
	assert_true(hwr_net_set_dropout(&net, 0.1, &st));
	assert_string_equal(net.vgsl, "[1,16,0,1 Do0.1 S1(1x16)1,3 Do0.1 Do0.1 O1c5]");
	assert_true(net.layers[3].dropout == 0.1f);
	assert_true(hwr_net_set_dropout(&net, 0, &st));
	assert_string_equal(net.vgsl, "[1,16,0,1 Do0 S1(1x16)1,3 Do0 Do0 O1c5]");
	assert_true(hwr_net_set_dropout(&net, 0.123456, &st));
	assert_true(hwr_vgsl_parse(net.vgsl, 0, &other, &st));
	assert_true(other.layers[0].dropout == net.layers[0].dropout);
}

static const HwrTensor *
find_tensor(const char *name)
{
	for (int i = 0; i < net.ntensors; i++)
	{
		if (strcmp(net.tensors[i].name, name) == 0)
			return &net.tensors[i];
	}
	fail_msg("no tensor %s", name);
	return NULL;
}

static void
check_constant(const float *values, const HwrTensor *t, size_t from, size_t to, float value)
{
	for (size_t i = from; i < to; i++)
		assert_true(values[t->offset + i] == value);
}

/* All inside the Glorot limit, centred, and filling it. */
static void
check_glorot(const float *values, const char *name, double fan_in, double fan_out)
{
	const HwrTensor *t = find_tensor(name);
	double		limit = sqrt(6 / (fan_in + fan_out));
	double		sum = 0,
				largest = 0;

	for (size_t i = 0; i < t->count; i++)
	{
		sum += values[t->offset + i];
		largest = fmax(largest, fabs(values[t->offset + i]));
	}
	assert_true(largest <= limit * (1 + 1e-6) && largest > 0.97 * limit);
	assert_true(fabs(sum / t->count) < 4 * limit / sqrt(3. * t->count));
}

static void
test_init(void **state)
{
	HwrStatus	st;
	float	   *values;
	float	   *again;
	const HwrTensor *t;

	(void) state;
	parse("[1,16,0,1 Cr3,5,7 Mp2,2 Bn S1(1x0)1,3 Ft11 Lbx13 O1c5]", 0);
	values = malloc(net.nvalues * sizeof(float));
	again = malloc(net.nvalues * sizeof(float));
	for (size_t i = 0; i < net.nvalues; i++)
		values[i] = again[i] = NAN;
	assert_true(hwr_net_init(&net, 7, values, &st));
	assert_true(hwr_net_init(&net, 7, again, &st));
	assert_memory_equal(values, again, net.nvalues * sizeof(float));

	check_glorot(values, "0.conv.kernel", 15, 15 * 7);
	check_glorot(values, "4.dense.kernel", 56, 11);
	check_glorot(values, "5.lstm.forward.kernel", 11, 52);
	check_glorot(values, "6.output.kernel", 26, 5);
	check_constant(values, find_tensor("0.conv.bias"), 0, 7, 0);
	check_constant(values, find_tensor("2.norm.gamma"), 0, 7, 1);
	check_constant(values, find_tensor("2.norm.beta"), 0, 7, 0);
	check_constant(values, find_tensor("2.norm.mean"), 0, 7, 0);
	check_constant(values, find_tensor("2.norm.variance"), 0, 7, 1);
	t = find_tensor("5.lstm.reverse.bias");
	check_constant(values, t, 0, 13, 0);
	check_constant(values, t, 13, 26, 1);
	check_constant(values, t, 26, 52, 0);

	t = find_tensor("5.lstm.forward.recurrent");
	for (int i = 0; i < 13; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double		product = 0;

			for (int k = 0; k < 52; k++)
				product += (double) values[t->offset + i * 52 + k] * values[t->offset + j * 52 + k];
			assert_true(fabs(product - (i == j)) < 1e-6);
		}
	}
	/* directions differ, seeds differ */
	assert_memory_not_equal(values + t->offset, values + find_tensor("5.lstm.reverse.recurrent")->offset,
							t->count * sizeof(float));
	assert_true(hwr_net_init(&net, 8, again, &st));
	assert_memory_not_equal(values, again, 16 * sizeof(float));

	/* a tensor's values do not depend on the sizes of those before it */
	t = find_tensor("6.output.kernel");
	memcpy(again, values + t->offset, t->count * sizeof(float));
	parse("[1,16,0,1 Cr3,3,7 Mp2,2 Bn S1(1x0)1,3 Ft4 Lbx13 O1c5]", 0);
	t = find_tensor("6.output.kernel");
	assert_true(hwr_net_init(&net, 7, values, &st));
	assert_memory_equal(again, values + t->offset, t->count * sizeof(float));
	free(values);
	free(again);
}

/* Every prefix of a description, and every one with a character changed, ends in an answer. */
static void
test_mutations(void **state)
{
	static const char spec[] = "[1,64,0,1 Cr3,3,8,2,2 Mp2,2,1,1 Bn S1(1x0)1,3 Fr8 Lbxs9 Do0.25 O1c79]";
	static const char letters[] = "\x01 ,0129xys[](.CMBSLFDO\xff";
	char		text[sizeof(spec)];
	HwrStatus	st;
	int			good = 0;

	(void) state;
	for (size_t n = 0; n < sizeof(spec); n++)
	{
		memcpy(text, spec, n);
		text[n] = '\0';
		good += hwr_vgsl_parse(text, 0, &net, &st);
	}
	assert_int_equal(good, 3);	/* O1c7, O1c79 and all of it */
	for (size_t n = 0; n < sizeof(spec) - 1; n++)
	{
		for (const char *c = letters; *c != '\0'; c++)
		{
			memcpy(text, spec, sizeof(spec));
			text[n] = *c;
			if (!hwr_vgsl_parse(text, 0, &net, &st))
				assert_int_equal(st.code, HWR_BAD_ARCHITECTURE);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keras),
		cmocka_unit_test(test_tensors),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_kraken),
		cmocka_unit_test(test_cpu_only),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_set_dropout),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
