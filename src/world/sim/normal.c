/* SPDX-License-Identifier: MIT */
/*
 * Normal numbers by the ziggurat of Marsaglia and Tsang (2000), after Doornik (2005): 128 layers of
 * equal area under exp(-x^2/2), layer i as wide as edge[i]; the lowest is as wide as its area and
 * stands for the tail beyond edge[1] too. Nearly always a point lies in the part of its layer that
 * the curve covers entirely; the rest is decided by the curve itself, so the distribution is exact,
 * tails included.
 */
#include <math.h>
#include <stdbool.h>

#include "dist.h"

#define LAYERS 128

static const double edge[LAYERS + 1] = {
	3.7130862467403634,  3.4426198558966523,  3.2230849845786187,
	3.0832288582142136,  2.9786962526450171,  2.8943440070186708,
	2.8231253505459666,  2.7611693723841539,  2.7061135731187225,
	2.6564064112581924,  2.6109722484286131,  2.5690336259216391,
	2.5300096723854666,  2.4934545220919508,  2.4590181774083502,
	2.4264206455302118,  2.3954342780074676,  2.3658713701139877,
	2.3375752413355309,  2.310413683695002,	  2.2842740596736566,
	2.2590595738653296,  2.2346863955870568,  2.2110814088747279,
	2.1881804320720204,  2.1659267937448408,  2.1442701823562613,
	2.1231657086697902,  2.1025731351849988,  2.0824562379877247,
	2.0627822745039635,  2.0435215366506694,  2.024646973372934,
	2.0061338699589668,  1.9879595741230607,  1.9701032608497133,
	1.9525457295488888,  1.9352692282919002,  1.9182573008597321,
	1.9014946531003176,  1.8849670357028692,  1.8686611409895419,
	1.8525645117230871,  1.8366654602533841,  1.8209529965910052,
	1.8054167642140488,  1.790046982594619,	  1.7748343955807693,
	1.759770224894232,   1.7448461281083765,  1.7300541605582436,
	1.7153867407081165,  1.7008366185643009,  1.6863968467734862,
	1.6720607540918522,  1.6578219209482075,  1.6436741568569826,
	1.6296114794646783,  1.6156280950371329,  1.601718380215277,
	1.5878768648844006,  1.5740982160167498,  1.5603772223598407,
	1.5467087798535035,  1.5330878776675561,  1.5195095847593707,
	1.5059690368565504,  1.4924614237746154,  1.4789819769830979,
	1.4655259573357946,  1.4520886428822164,  1.4386653166774612,
	1.4252512545068616,  1.4118417124397602,  1.3984319141236063,
	1.3850170377251487,  1.3715922024197322,  1.3581524543224228,
	1.344692751745713,   1.3312079496576765,  1.317692783201343,
	1.3041418501204216,  1.2905495919178731,  1.2769102735516997,
	1.2632179614460282,  1.2494664995643336,  1.2356494832544811,
	1.2217602305309625,  1.2077917504067577,  1.1937367078237722,
	1.1795873846544607,  1.1653356361550469,  1.150972842138976,
	1.1364898520030755,  1.121876922572254,	  1.1071236475235353,
	1.0922188768965537,  1.0771506248819376,  1.0619059636836194,
	1.0464709007525803,  1.0308302360564556,  1.0149673952392995,
	0.99886423348064346, 0.98250080350276037, 0.96585507938813064,
	0.94890262549791193, 0.93161619660135386, 0.91396525100880177,
	0.89591535256623855, 0.87742742909771565, 0.85845684317805082,
	0.83895221428120748, 0.8188539066833177,  0.7980920606262748,
	0.77658398787614835, 0.75423066443451003, 0.73091191062188132,
	0.70647961131360804, 0.68074791864590423, 0.65347863871504241,
	0.62435859730908827, 0.592962942441978,	  0.55869217837551799,
	0.52065603872514488, 0.47743783725378786, 0.42654798630330515,
	0.36287143102841829, 0.27232086470466382, 0};

static double curve(double x)
{
	return exp(-0.5 * x * x);
}

/* Beyond @start: Marsaglia (1964). */
static double tail(struct pn_rng *r, double start)
{
	double x, y;

	do {
		x = -log(pn_rng_unit(r)) / start;
		y = -log(pn_rng_unit(r));
	} while (y + y < x * x);
	return start + x;
}

/* Is a point of layer @i at @x below the curve? Its height in the layer is random. */
static bool below(struct pn_rng *r, unsigned i, double x)
{
	double low = curve(edge[i]), high = curve(edge[i + 1]);

	return low + pn_rng_unit(r) * (high - low) < curve(x);
}

/* Not in the part that the curve covers entirely: true if the point counts all the same. */
static bool decide(struct pn_rng *r, unsigned i, double *x)
{
	if (i)
		return below(r, i, *x);
	*x = tail(r, edge[1]);
	return true;
}

/* 7 bits choose the layer, the next the sign, 53 others the place in the layer. */
static inline double place(uint64_t bits)
{
	return (double)(bits >> 11) * 0x1p-53 * edge[bits % LAYERS];
}

static inline double with_sign(uint64_t bits, double x)
{
	return bits & 1u << 7 ? -x : x;
}

static inline bool covered(uint64_t bits, double x)
{
	return x < edge[bits % LAYERS + 1];
}

/* The point that @bits choose is not covered: it counts all the same, or others are drawn. */
static double __attribute__((noinline)) uncovered(struct pn_rng *r, uint64_t bits)
{
	double x = place(bits);

	while (!decide(r, bits % LAYERS, &x)) {
		bits = pn_rng_next(r);
		x = place(bits);
		if (covered(bits, x))
			break;
	}
	return with_sign(bits, x);
}

double pn_rng_normal(struct pn_rng *r)
{
	uint64_t bits = pn_rng_next(r);
	double x = place(bits);

	return __builtin_expect(covered(bits, x), 1) ? with_sign(bits, x) : uncovered(r, bits);
}
